import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { START, type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { tileHorizonMs } from '../../src/features/window/tile-horizon.ts';
import { dropUnreachable, SWEPT } from '../../src/featurestore/materialise/drop-unreachable.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import { contractView, tileOf } from '../../src/testing/contracts/contract-tiles.ts';
import { runs } from '../runs.ts';
import { newRoot } from './new-root.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BEGIN = Date.UTC(2026, 0, 10);
const KEY = 'u';
const LAYOUTS = [1, 2, 3].map((version) => tileLayout(contractView('spend', version)));

const anyStep = fc.record({
  /** How far the log clock goes, ms; it may be set back. */
  byMs: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 30 }).map((hours) => hours * HOUR) },
    { weight: 1, arbitrary: fc.constantFrom(-100 * DAY, -DAY, 1 - DAY, -HOUR, DAY - 1, DAY, 100 * DAY) },
  ),
  declared: fc.subarray(LAYOUTS, { minLength: 1 }),
  /** The process closes during the sweep, or dies after it and before it has noted it; then it is started again. */
  end: fc.constantFrom(...(['none', 'none', 'restart', 'cut', 'killed'] as const)),
});

/** One call of a process that has the store; gives whether it walked over the tiles. */
async function sweep(
  store: OnlineStore,
  layouts: readonly TileLayout[],
  clock: number,
  end: 'none' | 'restart' | 'cut' | 'killed' = 'none',
): Promise<boolean> {
  const closing = new AbortController();
  let walks = 0;
  const seen: Parameters<typeof dropUnreachable>[0]['store'] = {
    position: (writer) => store.position(writer),
    dropTiles: (sweeps, signal) => {
      walks += 1;
      if (end === 'cut') closing.abort();
      return store.dropTiles(sweeps, signal);
    },
    writeTiles: (commit) => {
      if (end === 'killed') throw new Error('killed');
      return store.writeTiles(commit);
    },
  };
  const swept = dropUnreachable({
    store: seen,
    layouts,
    keepClock: clock,
    freshUntil: async () => Number.POSITIVE_INFINITY,
    signal: closing.signal,
  });
  await swept.catch((error) => expect([end, error.message]).toEqual(['killed', 'killed']));
  expect(walks).toBeLessThanOrEqual(1);
  return walks === 1;
}

async function startsOf(store: OnlineStore, layout: TileLayout): Promise<readonly number[]> {
  const [run] = await store.readTiles([
    { layout, hopMs: HOUR, key: KEY, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY },
  ]);
  return Array.from({ length: run.length }, (_, i) => run.nums[i * layout.numbers + START]);
}

test('a sweep is neither lost nor repeated, whatever restarts, cuts, clocks and new views come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 12 }), async (steps) => {
      const path = newRoot();
      let store = openOnlineStore({ path });
      let clock = BEGIN;
      /** By view, the clock of the last sweep that ended. */
      const swept = new Map<TileLayout, number>();
      /** The starts of the tiles of each view that were written, and that no sweep was to drop. */
      const kept = new Map(LAYOUTS.map((layout) => [layout, new Set<number>()]));
      for (const { byMs, declared, end } of steps) {
        clock += byMs;
        const start = Math.floor(clock / HOUR) * HOUR - HOUR;
        const tiles = declared.map((layout) => tileOf(layout, HOUR, KEY, start, 1));
        await store.writeTiles({ writer: 'w', position: {}, tiles });
        for (const layout of declared) kept.get(layout)?.add(start);
        const isDue = declared.some((layout) => Math.abs(clock - (swept.get(layout) ?? -DAY)) >= DAY);
        expect(await sweep(store, declared, clock, end)).toBe(isDue);
        if (end !== 'none') {
          await store.close();
          store = openOnlineStore({ path });
        }
        if (end === 'cut' || end === 'killed') expect(await sweep(store, declared, clock)).toBe(isDue);
        if (isDue) {
          swept.clear();
          for (const layout of declared) {
            swept.set(layout, clock);
            const endedBefore = clock - tileHorizonMs(layout.view, HOUR);
            const starts = kept.get(layout) ?? new Set();
            for (const start of starts) if (start + HOUR <= endedBefore) starts.delete(start);
          }
        }
        expect(await sweep(store, declared, clock)).toBe(false);
        for (const [layout, starts] of kept)
          expect(await startsOf(store, layout)).toEqual([...starts].sort((a, b) => a - b));
      }
      await store.close();
    }),
    { numRuns: runs(15, 300) },
  );
});

test('a store without the mark of a sweep is due, and one that nobody knows the clock of is not', async () => {
  const store = openOnlineStore({ path: newRoot() });
  for (const clock of [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect(await sweep(store, LAYOUTS, clock)).toBe(false);
  expect(await store.position(SWEPT)).toBe(null);
  expect(await sweep(store, LAYOUTS, BEGIN)).toBe(true);
  expect(await store.position(SWEPT)).toEqual(Object.fromEntries(LAYOUTS.map(({ viewId }) => [viewId, [BEGIN]])));
  await store.close();
});

test('tiles that other processes write are swept as of their clock, which is asked for only if a sweep may be due', async () => {
  const store = openOnlineStore({ path: newRoot() });
  const [layout] = LAYOUTS;
  let asked = 0;
  const at = (keepClock: number, theirs: number) => {
    const freshUntil = async () => {
      asked += 1;
      return theirs;
    };
    return dropUnreachable({ store, layouts: [layout], keepClock, freshUntil, signal: new AbortController().signal });
  };
  const clock = async () => (await store.position(SWEPT))?.[layout.viewId]?.[0];
  await at(BEGIN, Number.NEGATIVE_INFINITY);
  expect([asked, await clock()]).toEqual([1, undefined]);
  await at(BEGIN, BEGIN - HOUR);
  expect([asked, await clock()]).toEqual([2, BEGIN - HOUR]);
  await at(BEGIN, BEGIN);
  expect([asked, await clock()]).toEqual([2, BEGIN - HOUR]);
  await at(BEGIN + DAY, BEGIN);
  expect([asked, await clock()]).toEqual([3, BEGIN - HOUR]);
  await at(BEGIN + DAY, BEGIN + DAY);
  expect([asked, await clock()]).toEqual([4, BEGIN + DAY]);
  await store.close();
});
