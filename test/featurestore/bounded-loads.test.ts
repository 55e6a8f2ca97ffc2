import fc from 'fast-check';
import { count, entity, eventSource, int, last, max, streamView, sum, text, time } from 'headrace';
import { expect, test } from 'vitest';
import { openOnlineStore } from '../../src/backends/embedded/online/online-store.ts';
import { ByteWriter } from '../../src/base/bytes.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { type KeyRuns, SourceEngine } from '../../src/features/engine/stream-engine.ts';
import { encodeTile } from '../../src/features/tile/tile-codec.ts';
import { type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../src/features/tile/tile-run.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { KeyTiles } from '../../src/featurestore/materialise/key-tiles.ts';
import { TileCache } from '../../src/featurestore/materialise/tile-cache.ts';
import { TileDrain } from '../../src/featurestore/materialise/tile-drain.ts';
import { FollowedTiles } from '../../src/featurestore/online/followed-tiles.ts';
import type { OnlineStore } from '../../src/ports/online-store.ts';
import type { Value } from '../../src/schema/column.ts';
import { newRoot } from '../stores/new-root.ts';
import { until } from '../until.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 10, 14, 27);
const PARTITIONS = 2;

const user = entity('user', { user: text() });
const buys = eventSource('buys', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), price: int() },
  lateness: '20m',
  futureSkew: '5m',
});
const of = { source: buys, entity: user, key: { user: 'user' }, freshness: '1s' } as const;
const spend = streamView('spend', {
  ...of,
  windows: ['10m', '1h', '1d'],
  features: (e) => ({ buys: count(), spent: sum(e.price), last_price: last(e.price) }),
});
const ever = streamView('ever', { ...of, windows: ['1h', 'ever'], features: (e) => ({ dearest: max(e.price) }) });
const layouts = [spend, ever].map((view) => tileLayout(view));
const readers = new Map(layouts.map((layout) => [layout, new WindowReader(layout)]));
const keys = ['u0', 'u1'];

const anyEvent = fc.record({
  kind: fc.constant('event' as const),
  user: fc.nat(keys.length - 1),
  // The log clock is that of the slowest partition.
  partition: fc.oneof({ weight: 40, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
  minutes: fc.constantFrom(-21, -19, -19, -9, -1, -1, 4, 6),
});
const anyStep = fc.oneof(
  { weight: 8, arbitrary: anyEvent },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('read' as const), minutes: fc.integer({ min: -25, max: 6 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const), leaves: fc.boolean() }) },
  // The machine's clock may be set back.
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      minutes: fc.constantFrom(-60, -9, 1, 10, 10, 19, 300) as fc.Arbitrary<number>,
    }),
  },
);

type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

test('tiles that are loaded within bounds give the answers, windows and tiles of all events, to the writer and to a reader of little memory', async () => {
  const total = { some: 0, windows: 0, followed: 0, evicted: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 80, maxLength: 160 }), async (steps) => {
      const run = running(newRoot());
      for (const step of steps) await run.take(step);
      await run.end();
      for (const name of ['some', 'windows', 'followed', 'evicted'] as const) total[name] += run.seen[name];
    }),
    { numRuns: 15 },
  );
  const often = Object.values(total).map((times) => times > 20);
  expect([total, often]).toEqual([total, [true, true, true, true]]);
});

test('an event of a partition that begins behind the others changes the tile that the store has', async () => {
  const run = running(newRoot());
  const event = { kind: 'event' as const, user: 0, minutes: -1 as const };
  await run.take({ ...event, partition: 0 });
  await run.take({ kind: 'commit', leaves: true });
  await run.take({ kind: 'pass', minutes: 600 });
  // It loads the tiles that windows can reach ten hours later.
  await run.take({ ...event, partition: 0 });
  await run.take({ kind: 'pass', minutes: -600 });
  await run.take({ ...event, partition: 1 });
  await run.take({ kind: 'read', minutes: 0 });
  await run.end();
});

/** A cache over a store, next to the tiles of all events, and a reader of another process that has memory for about a key of a view. */
function running(path: string) {
  const store: OnlineStore = openOnlineStore({ path });
  const followed = follower(path);
  let now = START;
  let id = 0;
  const seen = { some: 0, windows: 0, followed: 0, evicted: 0 };
  const ingested: number[] = Array.from({ length: PARTITIONS }, () => Number.NEGATIVE_INFINITY);
  const boundsOf = () => ({
    since: Math.min(now, ...ingested.filter((ts) => Number.isFinite(ts))),
    until: Math.max(...ingested) + 5 * MINUTE + 1,
  });
  const cache = new TileCache(store, 1e9, undefined, undefined, boundsOf);
  const whole = allTiles();
  const engines = [
    new SourceEngine<KeyRuns>(buys, layouts, { tilesOf: whole.of, changed: () => undefined }),
    new SourceEngine<KeyTiles>(buys, layouts, {
      tilesOf: (layout, key, ts) => {
        const tiles = cache.tilesToChange(layout, key, ts);
        if (sizeOf(tiles) < sizeOf(whole.of(layout, key))) seen.some += 1;
        return tiles;
      },
      changed: (layout, tiles, hop, start) => cache.markDirty(layout, tiles, hop, start),
    }),
  ];
  const event = (u: number, partition: number, ts: number) => {
    id += 1;
    ingested[partition] = Math.max(now, ingested[partition]);
    const row: readonly Value[] = [`e${id}`, ts, `u${u}`, (id * 7) % 50];
    const delivery: Delivery = { id: `e${id}`, ts, ingestTs: ingested[partition], row };
    // The one of all tiles is last: sizes are compared before.
    for (const engine of engines.toReversed()) engine.apply(delivery, partition);
  };
  const commit = async (leaves: boolean) => {
    // The reader knows each by its instant.
    now += 1;
    const open = store.openCommit?.(now);
    if (open === undefined) throw new Error('the store takes no commit in parts');
    const drain = new TileDrain(cache, {
      archived: Number.NEGATIVE_INFINITY,
      now,
      see: () => undefined,
      take: (tiles) => open.add(tiles),
    });
    for (const _ of drain.steps);
    await open.finish({ writer: 'w', position: {}, freshUntil: now });
    for (const _ of cache.sweep(Number.NEGATIVE_INFINITY));
    if (leaves) cache.forget();
    await followed.reach(now);
  };
  const read = (q: number) => {
    for (const layout of layouts)
      for (const key of keys) {
        const expected = answers(layout, whole.of(layout, key).runs, q);
        const runs = cache.tilesToRead(layout, key, q)?.runs;
        expect(answers(layout, runs ?? cache.someTiles(layout, key, readerOf(layout).anyStartsFor(q)), q)).toEqual(
          expected,
        );
        // Its tiles are those of the last commit.
        if (cache.busyBytes === 0) {
          const held = followed.heldOf(layout, key, q);
          expect(answers(layout, held ?? followed.outside(layout, key, q), q)).toEqual(expected);
          if (held !== null && sizeOf({ runs: [...held] }) < sizeOf(whole.of(layout, key))) seen.followed += 1;
        }
        const stored = cache.busyBytes > 0 ? null : cache.windowsOf(layout, key);
        const out: (Value | undefined)[] = [];
        if (stored === null || !readerOf(layout).readStored(stored, q, out)) continue;
        expect([q, out]).toEqual(expected);
        seen.windows += 1;
      }
  };
  const take = async (step: Step) => {
    if (step.kind === 'pass') now += step.minutes * MINUTE;
    else if (step.kind === 'event') event(step.user, step.partition, now + step.minutes * MINUTE);
    else if (step.kind === 'read') read(now + step.minutes * MINUTE);
    else await commit(step.leaves);
  };
  /** Compares what the store has in the end. */
  const end = async () => {
    await commit(true);
    for (const layout of layouts)
      for (const key of keys)
        expect(tilesOf(layout, cache.tilesOf(layout, key).runs)).toEqual(tilesOf(layout, whole.of(layout, key).runs));
    seen.evicted = followed.evicted();
    await followed.close();
    await store.close();
  };
  return { take, end, seen };
}

/** A reader over a store that another process writes. */
function follower(path: string) {
  const store = openOnlineStore({ path, access: 'read' });
  const followed = new FollowedTiles(store, layouts, 6_000);
  const { told } = followed.source(() => START);
  if (told === undefined) throw new Error('a follower is told of every change');
  return {
    /** Waits for the commit of an instant. */
    reach: (at: number) =>
      until(() => {
        followed.follow();
        return followed.freshUntil === at;
      }),
    /** Tiles for a read that are in memory, or come into it. */
    heldOf: (layout: TileLayout, key: string, q: number) => told.tilesOf(layout, key, q)?.runs ?? null,
    /** Tiles for a read of a key that is not. */
    outside: (layout: TileLayout, key: string, q: number) =>
      told.someTiles(layout, key, readerOf(layout).anyStartsFor(q)),
    evicted: () => followed.memory.evicted,
    close: () => store.close(),
  };
}

/** The tiles of all events, in memory. */
function allTiles() {
  const held = new Map<string, KeyRuns>();
  const of = (layout: TileLayout, key: string): KeyRuns => {
    const name = `${layout.viewId} ${key}`;
    const tiles = held.get(name) ?? { runs: layout.view.hopsMs.map(() => emptyRun(layout)) };
    held.set(name, tiles);
    return tiles;
  };
  return { of };
}

function sizeOf({ runs }: KeyRuns): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}

function answers(layout: TileLayout, runs: readonly TileRun[], q: number): readonly [number, readonly unknown[]] {
  const out: (Value | undefined)[] = [];
  return [readerOf(layout).read(runs, q, out, 0), out];
}

function readerOf(layout: TileLayout): WindowReader {
  return readers.get(layout) ?? new WindowReader(layout);
}

function tilesOf(layout: TileLayout, runs: readonly TileRun[]): readonly (readonly string[])[] {
  return runs.map((run) =>
    Array.from({ length: run.length }, (_, i) => {
      const bytes = new ByteWriter();
      encodeTile(bytes, layout, 1, run, i);
      return Buffer.from(bytes.view()).toString('hex');
    }),
  );
}
