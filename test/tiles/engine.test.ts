import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import { floorTo } from '../../src/base/time.ts';
import type { StreamViewData } from '../../src/features/define/declaration.ts';
import { viewKeyEncoder } from '../../src/features/engine/stream-engine.ts';
import { decodeTile, encodeTile } from '../../src/features/tile/tile-codec.ts';
import { COUNT, MAX_TS, START, type TileLayout } from '../../src/features/tile/tile-layout.ts';
import { appendTile, emptyRun, lowerBound, type TileRun } from '../../src/features/tile/tile-run.ts';
import { tileHorizonMs } from '../../src/features/window/tile-horizon.ts';
import { WindowReader } from '../../src/features/window/window-reader.ts';
import type { Value } from '../../src/schema/column.ts';
import { anyInstant, anyStream, type LoggedDelivery, reordered } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { acceptedDeliveries, naiveAnswers } from '../../src/testing/oracle/naive-scan.ts';
import { engineOf } from './golden-view.ts';

/** Tiles of every key and hop as bytes in hexadecimal, by key, hop and place. */
function bytesOf(layout: TileLayout, keys: ReadonlyMap<string, { readonly runs: readonly TileRun[] }>) {
  const tiles = new Map<string, string>();
  for (const [key, { runs }] of keys) {
    runs.forEach((run, hop) => {
      for (let i = 0; i < run.length; i += 1) {
        const writer = new ByteWriter();
        encodeTile(writer, layout, layout.view.hopsMs[hop], run, i);
        tiles.set(
          JSON.stringify([key, hop, run.nums[i * layout.numbers + START]]),
          Buffer.from(writer.view()).toString('hex'),
        );
      }
    });
  }
  return tiles;
}

function applied(view: StreamViewData, deliveries: readonly LoggedDelivery[]) {
  const made = engineOf(view);
  for (const delivery of deliveries) made.engine.apply(delivery, delivery.partition);
  return made;
}

const anyLog = anyView.chain((view) => fc.tuple(fc.constant(view), anyStream(view)));

test('at every instant the engine answers as the oracle does, or refuses because its smallest tile has seen the future', () => {
  let answered = 0;
  let refused = 0;
  const anyCase = anyLog.chain(([view, log]) =>
    fc.tuple(fc.constant(view), fc.constant(log), fc.array(anyInstant(view), { minLength: 1, maxLength: 6 })),
  );
  fc.assert(
    fc.property(anyCase, ([view, log, instants]) => {
      const { keys, reader } = applied(view, log);
      const accepted = acceptedDeliveries(view, log);
      const keyOf = viewKeyEncoder(view);
      for (const [key, { runs }] of keys) {
        const mine = accepted.filter(({ row }) => keyOf(row) === key);
        for (const q of [...instants, ...mine.map(({ ts }) => ts + 1)]) {
          const out: (Value | undefined)[] = [];
          const ready = reader.read(runs, q, out, 0);
          if (ready === q) {
            expect(out).toEqual(naiveAnswers(view, accepted, key, q));
            expect(reader.maxTs).toBe(
              latestIn(
                view,
                mine.map(({ ts }) => ts),
                q,
              ),
            );
            answered += 1;
          } else {
            expect(out).toEqual([]);
            const start = floorTo(q, view.hopsMs[0]);
            const head = mine.map(({ ts }) => ts).filter((ts) => start <= ts && ts < start + view.hopsMs[0]);
            expect(start).not.toBe(q);
            expect(ready).toBe(Math.max(...head) + 1);
            expect(ready).toBeGreaterThan(q);
            expect(reader.read(runs, ready, out, 0)).toBe(ready);
            refused += 1;
          }
        }
      }
    }),
    { numRuns: 600 },
  );
  expect(answered).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(20);
});

/** The latest time before q that is in any window. */
function latestIn({ features, ttlMs }: StreamViewData, times: readonly number[], q: number): number {
  const tails = features.map(({ windowMs, hopMs }) => {
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, ttlMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(length) ? floorTo(q - length, hopMs) : Number.NEGATIVE_INFINITY;
  });
  const tail = Math.min(...tails);
  return Math.max(Number.NEGATIVE_INFINITY, ...times.filter((ts) => tail <= ts && ts < q));
}

test('the order in which partitions are read does not show in the tiles', () => {
  const anyCase = anyLog.chain(([view, log]) => fc.tuple(fc.constant(view), fc.constant(log), reordered(log)));
  fc.assert(
    fc.property(anyCase, ([view, log, other]) => {
      const one = applied(view, log);
      const two = applied(view, other);
      expect(bytesOf(two.layout, two.keys)).toEqual(bytesOf(one.layout, one.keys));
      expect(two.engine.admission.counters).toEqual(one.engine.admission.counters);
    }),
    { numRuns: 200 },
  );
});

test('a tile of a larger hop is the merge of the smaller ones in it', () => {
  fc.assert(
    fc.property(anyLog, ([view, log]) => {
      const { layout, keys } = applied(view, log);
      for (const { runs } of keys.values()) {
        for (let hop = 1; hop < runs.length; hop += 1) {
          expect(folded(layout, runs[hop - 1], view.hopsMs[hop])).toEqual(plain(layout, runs[hop]));
        }
      }
    }),
    { numRuns: 200 },
  );
});

/** Tiles as start, n, latest time and answers. */
function plain({ numbers, objects, partials }: TileLayout, run: TileRun) {
  return Array.from({ length: run.length }, (_, i) => ({
    start: run.nums[i * numbers + START],
    n: run.nums[i * numbers + COUNT],
    maxTs: run.nums[i * numbers + MAX_TS],
    answers: partials.map(({ aggregate, num, obj }) => aggregate.finalise(run, i * numbers + num, i * objects + obj)),
  }));
}

function folded(layout: TileLayout, small: TileRun, hopMs: number) {
  const { numbers, objects, partials } = layout;
  const starts = new Set(
    Array.from({ length: small.length }, (_, i) => floorTo(small.nums[i * numbers + START], hopMs)),
  );
  return [...starts].map((start) => {
    const [first, end] = [lowerBound(small, layout, start), lowerBound(small, layout, start + hopMs)];
    const inside = Array.from({ length: end - first }, (_, i) => first + i);
    const scratch = emptyRun(layout, 1);
    return {
      start,
      n: inside.reduce((n, i) => n + small.nums[i * numbers + COUNT], 0),
      maxTs: Math.max(...inside.map((i) => small.nums[i * numbers + MAX_TS])),
      answers: partials.map(({ aggregate, num, obj }) => {
        aggregate.prepare(scratch, num, obj);
        for (const i of inside) aggregate.merge(scratch, num, obj, small, i * numbers + num, i * objects + obj);
        return aggregate.finalise(scratch, num, obj);
      }),
    };
  });
}

test('a reader of some features gives these and the counts of all windows', () => {
  const anyCase = anyLog.chain(([view, log]) =>
    fc.tuple(fc.constant(view), fc.constant(log), anyInstant(view), fc.subarray(view.features.map((_, i) => i))),
  );
  fc.assert(
    fc.property(anyCase, ([view, log, q, wanted]) => {
      const { layout, keys, reader } = applied(view, log);
      const some = new WindowReader(layout, wanted);
      for (const { runs } of keys.values()) {
        const all: (Value | undefined)[] = [];
        const out: (Value | undefined)[] = view.features.map(() => 'untouched');
        if (reader.read(runs, q, all, 0) !== q) continue;
        expect(some.read(runs, q, out, 0)).toBe(q);
        expect(out).toEqual(all.map((value, i) => (wanted.includes(i) ? value : 'untouched')));
        expect(some.counts).toEqual(reader.counts);
      }
    }),
    { numRuns: 100 },
  );
});

test('a read needs only the tiles that its spans and the horizon name', () => {
  const anyCase = anyLog.chain(([view, log]) => fc.tuple(fc.constant(view), fc.constant(log), anyInstant(view)));
  fc.assert(
    fc.property(anyCase, ([view, log, q]) => {
      const { layout, keys, reader } = applied(view, log);
      const spans = reader.spans(q);
      for (const { runs } of keys.values()) {
        const within = runs.map((run, hop) => tilesIn(layout, run, view.hopsMs[hop], spans[hop].from, spans[hop].to));
        const kept = runs.map((run, hop) =>
          tilesIn(layout, run, view.hopsMs[hop], q - tileHorizonMs(view, view.hopsMs[hop]), Number.POSITIVE_INFINITY),
        );
        const whole: (Value | undefined)[] = [];
        const ready = reader.read(runs, q, whole, 0);
        for (const some of [within, kept]) {
          const out: (Value | undefined)[] = [];
          expect(new WindowReader(layout).read(some, q, out, 0)).toBe(ready);
          expect(out).toEqual(whole);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('whatever events are ahead, a read takes the tiles that anyStartsFor names and no other', () => {
  let few = 0;
  let ahead = 0;
  const anyCase = anyLog.chain(([view, log]) => fc.tuple(fc.constant(view), fc.constant(log), anyInstant(view)));
  fc.assert(
    fc.property(anyCase, ([view, log, q]) => {
      const { layout, keys, reader } = applied(view, log);
      const starts = reader.anyStartsFor(q);
      for (const { runs } of keys.values()) {
        const some = runs.map((run, hop) => tilesWithin(layout, run, view.hopsMs[hop], starts[hop]));
        const [whole, out]: [(Value | undefined)[], (Value | undefined)[]] = [[], []];
        const ready = reader.read(runs, q, whole, 0);
        expect(new WindowReader(layout).read(some, q, out, 0)).toBe(ready);
        expect(out).toEqual(whole);
        if (some.some(({ length }, hop) => length < runs[hop].length)) few += 1;
        if (!reader.isBehindLargest(runs, q)) ahead += 1;
      }
    }),
    { numRuns: 300 },
  );
  expect(few).toBeGreaterThan(100);
  expect(ahead).toBeGreaterThan(50);
});

test('where the largest tile has seen nothing ahead, a read takes the few tiles that startsFor names and no other', () => {
  let few = 0;
  const anyCase = anyLog.chain(([view, log]) => fc.tuple(fc.constant(view), fc.constant(log), anyInstant(view)));
  fc.assert(
    fc.property(anyCase, ([view, log, q]) => {
      const { layout, keys, reader } = applied(view, log);
      const starts = reader.startsFor(q);
      for (const { runs } of keys.values()) {
        const some = runs.map((run, hop) => tilesWithin(layout, run, view.hopsMs[hop], starts[hop]));
        const isEnough = reader.isBehindLargest(runs, q);
        expect(new WindowReader(layout).isBehindLargest(some, q)).toBe(isEnough);
        if (!isEnough) continue;
        const [whole, out]: [(Value | undefined)[], (Value | undefined)[]] = [[], []];
        const ready = reader.read(runs, q, whole, 0);
        expect(new WindowReader(layout).read(some, q, out, 0)).toBe(ready);
        expect(out).toEqual(whole);
        if (some.some(({ length }, hop) => length < runs[hop].length)) few += 1;
      }
    }),
    { numRuns: 300 },
  );
  expect(few).toBeGreaterThan(100);
});

function tilesWithin(
  layout: TileLayout,
  run: TileRun,
  hopMs: number,
  spans: readonly { readonly from: number; readonly to: number }[],
): TileRun {
  const kept = emptyRun(layout, 1);
  for (const { from, to } of spans) {
    const part = tilesIn(layout, run, hopMs, from, to);
    for (let i = 0; i < part.length; i += 1) appendTile(layout, kept, part, i);
  }
  return kept;
}

/** The tiles of a run with from <= start < to, through the codec. */
function tilesIn(layout: TileLayout, run: TileRun, hopMs: number, from: number, to: number): TileRun {
  const copy = emptyRun(layout, 1);
  for (let i = lowerBound(run, layout, from); i < lowerBound(run, layout, to); i += 1) {
    const writer = new ByteWriter();
    encodeTile(writer, layout, hopMs, run, i);
    const reader = new ByteReader('a tile', writer.finish());
    decodeTile(reader, layout, hopMs, copy);
    reader.end();
  }
  return copy;
}
