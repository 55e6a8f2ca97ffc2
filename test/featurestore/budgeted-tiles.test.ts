import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LateChoice, StreamViewData } from '../../src/features/define/declaration.ts';
import { count, entity, eventSource, streamView, text, time } from '../../src/features/define/declare.ts';
import { type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { budgetedTiles } from '../../src/featurestore/online/budgeted-tiles.ts';
import type { TileSource } from '../../src/featurestore/online/tile-source.ts';

const clicks = eventSource('clicks', { id: 'id', time: 'at', columns: { id: text(), at: time(), user: text() } });

const BUDGET_MS = 15;

// Budgets run on a clock that only the test moves.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function viewOf(otherwise: LateChoice): StreamViewData {
  return streamView('by_user', {
    source: clicks,
    entity: entity('user', { user: text() }),
    key: { user: 'user' },
    windows: ['1h'],
    freshness: '1s',
    latency: { within: `${BUDGET_MS}ms`, otherwise },
    features: () => ({ clicks: count() }),
  });
}

const NOW = 1_000_000;

/** A source whose tiles come later, or never. */
function slowSource(runs: readonly TileRun[]): { readonly source: TileSource; answers: 'later' | 'never' } {
  const fetched: TileSource = { runsOf: () => runs, answersFrom: () => 5, lagMs: () => 3 };
  const slow = {
    answers: 'later' as 'later' | 'never',
    source: {
      ...fetched,
      runsOf: () => [],
      answersFrom: () => Number.POSITIVE_INFINITY,
      fetch: () => (slow.answers === 'later' ? Promise.resolve(fetched) : new Promise<TileSource>(() => undefined)),
    },
  };
  return slow;
}

function lookupOf(layout: TileLayout, key: string) {
  return { layout, key, reader: { isStored: false, spans: () => [], startsFor: () => [] } };
}

/** What comes of a fetch when the budget is over; it is still open one millisecond before. */
async function afterBudget<T>(fetched: Promise<T> | undefined): Promise<T | undefined> {
  let isOpen = true;
  const settled = Promise.resolve(fetched).finally(() => {
    isOpen = false;
  });
  settled.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(BUDGET_MS - 1);
  expect(isOpen).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  return settled;
}

async function budgeted(otherwise: LateChoice) {
  const view = viewOf(otherwise);
  const layout = tileLayout(view);
  const runs = [emptyRun(layout)];
  const slow = slowSource(runs);
  const seen: string[] = [];
  const tiles = budgetedTiles(slow.source, [view], (id, choice) => seen.push(`${id} ${choice}`));
  const fetch = (key: string, at: number) => tiles.fetch?.([lookupOf(layout, key)], at, false);
  return { view, layout, runs, slow, seen, fetch };
}

test('tiles that come within the budget are what is read', async () => {
  const { view, layout, runs, seen, fetch } = await budgeted('null');
  const source = await fetch('ann', NOW);
  expect(source?.runsOf(layout, 'ann', NOW)).toBe(runs);
  expect(source?.isLate?.(view) ?? false).toBe(false);
  expect(seen).toEqual([]);
});

test('tiles beyond the budget are late where null is declared, and fail the read where that is', async () => {
  const late = await budgeted('null');
  late.slow.answers = 'never';
  expect((await afterBudget(late.fetch('ann', NOW)))?.isLate?.(late.view)).toBe(true);
  expect(late.seen).toEqual(['by_user@1 null']);
  const failing = await budgeted('fail');
  failing.slow.answers = 'never';
  await expect(afterBudget(failing.fetch('ann', NOW))).rejects.toMatchObject({ code: 'REQUEST_LATENCY' });
});

test('beyond the budget the last known tiles of a key are read at their true age, and one without any is late', async () => {
  const { view, layout, runs, slow, fetch } = await budgeted('lastKnown');
  await fetch('ann', NOW);
  slow.answers = 'never';
  const source = await afterBudget(fetch('ann', NOW + 70));
  expect(source?.isLate?.(view)).toBe(false);
  expect(source?.runsOf(layout, 'ann', NOW + 70)).toBe(runs);
  expect(source?.lagMs(view, NOW + 70)).toBe(70);
  expect(source?.answersFrom(view)).toBe(5);
  expect((await afterBudget(fetch('bob', NOW + 80)))?.isLate?.(view)).toBe(true);
});

test('without a budget, or with tiles at hand, nothing stands between', () => {
  const { source } = slowSource([]);
  const { latency: _, ...plain } = viewOf('null');
  expect(budgetedTiles(source, [plain], () => undefined)).toBe(source);
  const { fetch: __, ...atHand } = source;
  expect(budgetedTiles(atHand, [viewOf('null')], () => undefined)).toBe(atHand);
});
