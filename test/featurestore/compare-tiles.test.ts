import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryTileTopics } from '../../src/backends/memory/tile-topics.ts';
import { count, entity, eventSource, int, streamView, sum, text, time } from '../../src/features/define/declare.ts';
import { type KeyRuns, SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { COUNT, START, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun } from '../../src/features/tile/tile-run.ts';
import { topicOf } from '../../src/featurestore/ingest/gateway.ts';
import { sourceRows } from '../../src/featurestore/ingest/source-rows.ts';
import { compareTiles } from '../../src/featurestore/materialise/compare-tiles.ts';
import { readDeliveries } from '../../src/featurestore/materialise/log-cursor.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), ms: int() },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h', '1d'],
  freshness: '1s',
  features: ({ ms }) => ({ n: count(), ms: sum(ms) }),
});
const layout = tileLayout(byUser);
const rowsOf = sourceRows({}, 'json');
const topic = topicOf(clicks);
const NOW = Date.UTC(2026, 0, 1, 12);

interface Event {
  readonly user: number;
  readonly age: number;
  readonly ms: number;
}

const events = fc.array(
  fc.record({ user: fc.nat(19), age: fc.nat(50 * 60_000), ms: fc.integer({ min: -99, max: 99 }) }),
  { minLength: 1, maxLength: 60 },
);

async function logOf(all: readonly Event[]): Promise<MemoryEventLog> {
  const log = new MemoryEventLog();
  await log.openTopic(topic, 1);
  const records = all.map(({ user, age, ms }, i) => {
    const [id, ts, ingestTs] = [`e${i}`, NOW - age, NOW + i];
    return { id, ts, ingestTs, payload: rowsOf(clicks).encode([id, ts, `u${user}`, BigInt(ms)], ingestTs) };
  });
  await log.append(topic, 0, records);
  return log;
}

/** The tiles of what the log has before an offset. */
async function tilesUpTo(log: MemoryEventLog, end: number): Promise<TileWrite[]> {
  const keys = new Map<string, KeyRuns>();
  const engine = new SourceEngine<KeyRuns>(clicks, [layout], {
    tilesOf: (_, key) => {
      const known = keys.get(key) ?? { runs: byUser.hopsMs.map(() => emptyRun(layout)) };
      keys.set(key, known);
      return known;
    },
    changed: () => undefined,
  });
  await readDeliveries(log, clicks, rowsOf(clicks), [0], (p, _, ds) => ds.map((d) => engine.apply(d, p)), [end]);
  return [...keys].flatMap(([key, { runs }]) =>
    runs.flatMap((from, hop) =>
      Array.from({ length: from.length }, (_, index) => {
        const run = emptyRun(layout);
        appendTile(layout, run, from, index);
        return { layout, hopMs: byUser.hopsMs[hop], key, run, index: 0 };
      }),
    ),
  );
}

function compare(log: MemoryEventLog, tiles: readonly TileWrite[], upTo: number, keys = 1_000) {
  const topics = new MemoryTileTopics();
  topics.write(tiles);
  return compareTiles({ log, topics, sources: [clicks], rowsOf, layouts: [layout], upTo: { [topic]: [upTo] }, keys });
}

describe('tiles of another engine next to the events', () => {
  test('are equal wherever between the last it is known to have and the end it stands', async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.nat(), fc.nat(), async (all, a, b) => {
        const [upTo, stands] = [a % (all.length + 1), b % (all.length + 1)].sort((x, y) => x - y);
        const log = await logOf(all);
        const { keys } = await compare(log, await tilesUpTo(log, stands), upTo);
        expect(keys).toBe(new Set(all.slice(0, stands).map(({ user }) => user)).size);
      }),
    );
  });

  test('are not where one has another count, another value, or is missing: the view, the key and the tile are named', async () => {
    await fc.assert(
      fc.asyncProperty(events, fc.nat(), fc.constantFrom('count', 'value', 'missing'), async (all, which, how) => {
        const log = await logOf(all);
        const tiles = await tilesUpTo(log, all.length);
        const [wrong] = tiles.splice(which % tiles.length, 1);
        const { nums } = wrong.run;
        if (how === 'count') nums[COUNT] += 1;
        if (how === 'value') nums[layout.partials[1].num] += 1;
        if (how !== 'missing') tiles.push(wrong);
        const start = new Date(nums[START]).toISOString();
        await expect(compare(log, tiles, all.length)).rejects.toMatchObject({
          code: 'TILES_DIFFERS',
          facts: { view: 'by_user', key: wrong.key, tile: `of ${wrong.hopMs} ms at ${start}`, differing: 1 },
        });
      }),
    );
  });

  test('are looked at for as many keys as are asked for', async () => {
    const all = Array.from({ length: 500 }, (_, i) => ({ user: i % 100, age: i * 1_000, ms: i }));
    const log = await logOf(all);
    const tiles = await tilesUpTo(log, 500);
    expect((await compare(log, tiles, 500, 10)).keys).toBe(10);
    expect((await compare(log, tiles, 500, 100)).keys).toBe(100);
  });
});
