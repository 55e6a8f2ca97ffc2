import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FeatureServiceData, LookupSpec, StreamViewData } from '../../src/features/define/declaration.ts';
import {
  count,
  entity,
  eventSource,
  featureService,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { SourceEngine, viewKeyEncoder } from '../../src/features/engine/stream-engine.ts';
import { type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun, lowerBound, type TileRun } from '../../src/features/tile/tile-run.ts';
import type { Span } from '../../src/features/window/tile-ranges.ts';
import { type ReadTiles, tileChanged } from '../../src/features/window/window-memo.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { ServedVector } from '../../src/featurestore/online/served-vector.ts';
import type { TileSource } from '../../src/featurestore/online/tile-source.ts';
import { VectorReader } from '../../src/featurestore/online/vector-reader.ts';
import { vectorText } from '../../src/featurestore/online/vector-text.ts';
import type { Value } from '../../src/schema/column.ts';
import { eventColumns } from '../../src/testing/arbitraries/any-aggregate.ts';
import { anyInstant, anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';

/** The engine over one view, its tiles in a map, passed to readers as a cache of tiles does. */
function running(view: StreamViewData) {
  const layout = tileLayout(view);
  const keys = new Map<string, ReadTiles>();
  const tilesOf = (_: unknown, key: string) => {
    const held = keys.get(key) ?? { runs: view.hopsMs.map(() => emptyRun(layout)), answers: null, merged: null };
    keys.set(key, held);
    return held;
  };
  const engine = new SourceEngine<ReadTiles>(view.source, [layout], {
    tilesOf,
    changed: (_, tiles, hop, start) => {
      if (hop === 0) tileChanged(tiles, start);
    },
  });
  return { layout, keys, tilesOf, engine };
}

/** Two lookups of one key: all features of the view, and some. */
function serviceOf(view: StreamViewData, some: readonly number[]): FeatureServiceData {
  const key = Object.fromEntries(Object.keys(view.entity.key).map((name) => [name, name]));
  const lookups = [view.features.map((_, i) => i), some].map(
    (features, i): LookupSpec => ({ alias: `l${i}`, view, key, features: features.map((f) => view.features[f].name) }),
  );
  return {
    kind: 'featureService',
    name: 'service',
    version: 1,
    request: Object.fromEntries(Object.entries(view.entity.key)),
    p99Ms: null,
    lookups,
    computed: [],
    features: lookups.flatMap(({ alias, features }) =>
      features.map((feature) => ({
        name: `${alias}_${feature}`,
        type: { type: 'int', nullable: true } as const,
        tier: 'streaming' as const,
        from: alias,
        feature,
      })),
    ),
  };
}

const anyRun = anyView.chain((view) =>
  fc.record({
    view: fc.constant(view),
    log: anyStream(view, 30),
    instants: fc.array(anyInstant(view), { minLength: 40, maxLength: 40 }),
    some: fc.subarray(
      view.features.map((_, i) => i),
      { minLength: 1 },
    ),
  }),
);

/** Of a source that has all keys in memory, for ever. */
const allInMemory = { windowsOf: () => null, someTiles: () => [], has: () => true, weigh: () => undefined };

test('a vector read again and again between events is that of a reader which keeps nothing, at any instant', () => {
  let same = 0;
  let texts = 0;
  fc.assert(
    fc.property(anyRun, ({ view, log, instants, some }) => {
      const { layout, tilesOf, engine, keys } = running(view);
      const service = serviceOf(view, some);
      const readerOf = (epoch: number | null) =>
        new VectorReader({
          service,
          layoutOf: () => layout,
          readBatch: () => [],
          computeOf: ({ compute }) => compute,
          clock: () => 0,
          onComputeError: (_, error) => {
            throw error;
          },
          tiles: {
            runsOf: (layout, key) => tilesOf(layout, key).runs,
            ...(epoch === null ? {} : { told: { ...allInMemory, tilesOf, epoch: () => epoch } }),
            answersFrom: () => Number.NEGATIVE_INFINITY,
            lagMs: () => 0,
          },
        });
      const [keeping, plain] = [readerOf(0), readerOf(null)];
      const toText = vectorText(service);
      const columns = Object.keys(service.request).map((name) => Object.keys(eventColumns).indexOf(name));
      const rows = new Map<string, readonly Value[]>();
      const keyOf = viewKeyEncoder(view);
      log.forEach((delivery, i) => {
        engine.apply(delivery, delivery.partition);
        const key = keyOf(delivery.row);
        if (key !== null)
          rows.set(
            key,
            columns.map((column) => delivery.row[column]),
          );
        for (const request of rows.values()) {
          for (const at of [instants[i % instants.length], instants[i % instants.length], delivery.ts + 1, undefined]) {
            const kept = keeping.read(request, at, false) as ServedVector;
            const anew = plain.read(request, at, false) as ServedVector;
            expect({ ...kept, texts: [] }).toEqual(anew);
            expect(toText(kept)).toBe(toText(anew));
            if (kept.texts.some((text) => text?.text != null)) texts += 1;
            same += 1;
          }
        }
      });
      expect(keys.size).toBeGreaterThanOrEqual(rows.size);
    }),
    { numRuns: 150 },
  );
  expect(same).toBeGreaterThan(1_000);
  expect(texts).toBeGreaterThan(100);
});

test('a reader that fetches few tiles gives what one with all tiles does, at any instant, and fetches again where few do not do', async () => {
  const fetched = { few: 0, all: 0 };
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ view, log, instants, some }) => {
      const { layout, tilesOf, engine } = running(view);
      const service = serviceOf(view, some);
      let now = 0;
      const readerOf = (tiles: TileSource) =>
        new VectorReader({
          service,
          layoutOf: () => layout,
          readBatch: () => [],
          computeOf: ({ compute }) => compute,
          clock: () => now,
          onComputeError: () => undefined,
          tiles,
        });
      const source: TileSource = {
        runsOf: (_, key) => tilesOf(layout, key).runs,
        answersFrom: () => Number.NEGATIVE_INFINITY,
        lagMs: () => 0,
      };
      const fetching: TileSource = {
        ...source,
        fetch: async (lookups, at, isPart) => {
          fetched[isPart ? 'few' : 'all'] += 1;
          if (!isPart) return source;
          const starts = lookups[0]?.reader.startsFor(at) ?? [];
          const runsOf = (_: unknown, key: string) =>
            tilesOf(layout, key).runs.map((run, hop) => tilesWithin(layout, run, starts[hop]));
          return { ...source, runsOf, partAt: at };
        },
      };
      const [plain, few] = [readerOf(source), readerOf(fetching)];
      const columns = Object.keys(service.request).map((name) => Object.keys(eventColumns).indexOf(name));
      for (const [i, delivery] of log.entries()) {
        engine.apply(delivery, delivery.partition);
        const request = columns.map((column) => delivery.row[column]);
        now = i % 3 === 0 ? delivery.ts + 1 : instants[i % instants.length];
        for (const at of [undefined, now, now - 1, delivery.ts])
          expect(await few.read(request, at, false)).toEqual(plain.read(request, at, false));
      }
    }),
    { numRuns: 60 },
  );
  expect(Math.min(fetched.few, fetched.all)).toBeGreaterThan(200);
});

function tilesWithin(layout: TileLayout, run: TileRun, spans: readonly Span[]): TileRun {
  const kept = emptyRun(layout);
  for (const { from, to } of spans)
    for (let i = lowerBound(run, layout, from); i < lowerBound(run, layout, to); i += 1)
      appendTile(layout, kept, run, i);
  return kept;
}

test('windows kept merged answer as the oracle does after every event, late ones included', () => {
  let reused = 0;
  fc.assert(
    fc.property(anyRun, ({ view, log, instants }) => {
      const { layout, keys, engine } = running(view);
      const reader = new WindowReader(layout, undefined, 1);
      const accepted = acceptedDeliveries(view, log);
      const seen = new Set<unknown>();
      log.forEach((delivery, i) => {
        engine.apply(delivery, delivery.partition);
        seen.add(delivery);
        const known = accepted.filter((one) => seen.has(one));
        for (const [key, tiles] of keys) {
          for (const q of [instants[i % instants.length], delivery.ts + 1]) {
            const out: (Value | undefined)[] = [];
            if (reader.read(tiles.runs, q, out, 0, tiles) !== q) continue;
            expect(out).toEqual(naiveAnswers(view, known, key, q));
            const before = tiles.merged;
            const again: (Value | undefined)[] = [];
            reader.read(tiles.runs, q, again, 0, tiles);
            expect(again).toEqual(out);
            if (before !== null) reused += 1;
          }
        }
      });
    }),
    { numRuns: 150 },
  );
  expect(reused).toBeGreaterThan(500);
});

test('answers are kept no longer than memory holds the tiles after them', () => {
  const purchases = eventSource('purchases', {
    id: 'id',
    time: 'at',
    columns: { id: text(), at: time(), user: text() },
  });
  const user = entity('user', { user: text() });
  const shared = { source: purchases, entity: user, key: { user: 'user' }, freshness: '1s', windows: ['1h'] } as const;
  const one = streamView('one', { ...shared, features: () => ({ n: count() }) });
  const two = streamView('two', { ...shared, features: () => ({ n: count() }) });
  const service = featureService('service', {
    request: { user: text() },
    join: (r) => ({ one: lookup(one, { user: r.user }), two: lookup(two, { user: r.user }) }),
  });
  const layouts = [one, two].map((view) => tileLayout(view));
  const held = layouts.map((layout) => ({
    runs: layout.view.hopsMs.map(() => emptyRun(layout)),
    answers: null,
    merged: null,
  }));
  const tilesOf = (layout: TileLayout) => held[layouts.indexOf(layout)];
  const engine = new SourceEngine<ReadTiles>(purchases, layouts, {
    tilesOf,
    changed: (_, tiles, hop, start) => {
      if (hop === 0) tileChanged(tiles, start);
    },
  });
  let epoch = 0;
  const readerOf = (epochOf: () => number) =>
    new VectorReader({
      service,
      layoutOf: (view) => layouts.find((layout) => layout.view === view) ?? layouts[0],
      readBatch: () => [],
      computeOf: ({ compute }) => compute,
      clock: () => 1_000,
      onComputeError: () => undefined,
      tiles: {
        runsOf: (layout) => tilesOf(layout).runs,
        told: { ...allInMemory, tilesOf, epoch: epochOf },
        answersFrom: () => Number.NEGATIVE_INFINITY,
        lagMs: () => 0,
      },
    });
  const valuesOf = (reader: VectorReader) => (reader.read(['ada'], undefined, false) as ServedVector).values;
  const [told, untold] = [readerOf(() => epoch), readerOf(() => 0)];
  const event = (id: string) => ({ id, ts: 1, ingestTs: 1, row: [id, 1, 'ada'] });
  engine.apply(event('a'), 0);
  expect([valuesOf(told), valuesOf(untold)]).toEqual([
    [1, 1],
    [1, 1],
  ]);
  // The second view's tiles are dropped and loaded again, and a late store writes to them alone.
  held[1] = { runs: held[1].runs.map((run) => ({ ...run, nums: run.nums.slice() })), answers: null, merged: null };
  held[1].runs[0].nums[layouts[1].partials[0].num] = 5;
  epoch += 1;
  expect(valuesOf(told)).toEqual([1, 5]);
  expect(valuesOf(untold)).toEqual([1, 1]);
});
