import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { decodeTile, encodeTile } from '../../src/features/tile/tile-codec.ts';
import { COUNT, GENERATION, START, type TileLayout, tileLayout } from '../../src/features/tile/tile-layout.ts';
import { emptyRun, type TileRun, tileAt } from '../../src/features/tile/tile-run.ts';
import { upsertTile } from '../../src/features/tile/upsert.ts';
import type { Value } from '../../src/schema/column.ts';
import { everyAggregate } from '../../src/testing/arbitraries/any-aggregate.ts';
import { anyStream } from '../../src/testing/arbitraries/any-stream.ts';
import { anyView } from '../../src/testing/arbitraries/any-view.ts';
import { aggregate, engineOf, testView } from './golden-view.ts';

const anyLog = anyView.chain((view) => fc.tuple(fc.constant(view), anyStream(view)));

function encoded(layout: TileLayout, hopMs: number, run: TileRun, index: number): Uint8Array {
  const writer = new ByteWriter();
  encodeTile(writer, layout, hopMs, run, index);
  return writer.finish();
}

function decoded(layout: TileLayout, hopMs: number, bytes: Uint8Array): TileRun {
  const run = emptyRun(layout, 1);
  const reader = new ByteReader('a tile', bytes);
  decodeTile(reader, layout, hopMs, run);
  reader.end();
  return run;
}

/** Every feature of a tile, answered. */
function answersOf(
  { partials, numbers, objects }: TileLayout,
  run: TileRun,
  index: number,
): readonly (Value | undefined)[] {
  return partials.map(({ aggregate: algebra, num, obj }) =>
    algebra.finalise(run, index * numbers + num, index * objects + obj),
  );
}

test('decoding what was encoded gives the same tile, and encoding that the same bytes', () => {
  fc.assert(
    fc.property(anyLog, ([view, log]) => {
      const { layout, engine, keys } = engineOf(view);
      for (const delivery of log) engine.apply(delivery, delivery.partition);
      for (const { runs } of keys.values()) {
        runs.forEach((run, hop) => {
          for (let i = 0; i < run.length; i += 1) {
            const bytes = encoded(layout, view.hopsMs[hop], run, i);
            const copy = decoded(layout, view.hopsMs[hop], bytes);
            const numbers = (of: TileRun, at: number) => [
              ...of.nums.slice(at * layout.numbers, (at + 1) * layout.numbers),
            ];
            expect(numbers(copy, 0)).toEqual(numbers(run, i));
            expect(answersOf(layout, copy, 0)).toEqual(answersOf(layout, run, i));
            expect(encoded(layout, view.hopsMs[hop], copy, 0)).toEqual(bytes);
          }
        });
      }
    }),
    { numRuns: 300 },
  );
});

test('a tile may have more numbers than a mask has bits', () => {
  const int = { type: 'int', nullable: true } as const;
  const aggregates = Array.from({ length: 20 }, (_, i) => aggregate(`v${i}`, 'variancePop', 'value', int));
  const hopMs = 1000;
  const view = testView({
    columns: {
      id: { type: 'text', nullable: false },
      ts: { type: 'time', nullable: false },
      key: { type: 'text', nullable: true },
      value: int,
    },
    key: ['key'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: [...aggregates, aggregate('least', 'min', 'value', int)],
    windows: [{ windowMs: null, hopMs }],
    hopsMs: [hopMs],
  });
  const { layout, engine, runsOf } = engineOf(view);
  engine.apply({ id: 'a', ts: 5, ingestTs: 5, row: ['a', 5, 'k', 4e15] }, 0);
  engine.apply({ id: 'b', ts: 6, ingestTs: 6, row: ['b', 6, 'k', 7] }, 0);
  const [run] = runsOf('k');
  expect(layout.numbers).toBeGreaterThan(2 * 53);
  expect(answersOf(layout, decoded(layout, hopMs, encoded(layout, hopMs, run, 0)), 0)).toEqual([
    ...aggregates.map(() => undefined),
    7,
  ]);
});

test('bytes that are cut, changed or random give a coded error or a tile that can be read, never anything else', () => {
  const changed = anyLog.chain(([view, log]) =>
    fc.tuple(
      fc.constant(view),
      fc.constant(log),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.uint8Array({ maxLength: 80 }),
    ),
  );
  let refused = 0;
  let read = 0;
  fc.assert(
    fc.property(changed, ([view, log, edits, cut, random]) => {
      const { layout, engine, keys } = engineOf(view);
      for (const delivery of log) engine.apply(delivery, delivery.partition);
      for (const { runs } of keys.values()) {
        const [hopMs] = view.hopsMs;
        const bytes = encoded(layout, hopMs, runs[0], 0);
        const edited = bytes.slice();
        for (const [place, byte] of edits) edited[place % edited.length] = byte;
        for (const hostile of [edited, bytes.slice(0, cut % bytes.length), random]) {
          try {
            const run = decoded(layout, hopMs, hostile);
            expect(answersOf(layout, run, 0).length).toBe(view.aggregates.length);
            expect(encoded(layout, hopMs, run, 0).length).toBeGreaterThan(0);
            read += 1;
          } catch (error) {
            if (!isHeadraceError(error, 'BYTES_DAMAGED')) throw error;
            refused += 1;
          }
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(read).toBeGreaterThan(100);
});

test('a tile of every kind of aggregate can be laid out', () => {
  const params = { n: 2, cap: 3, k: 2, q: 0.5 };
  expect(everyAggregate.every((spec) => tileLayoutOf({ ...spec, params }).partials.length === 1)).toBe(true);
});

function tileLayoutOf(spec: Parameters<typeof testView>[0]['aggregates'][number]): TileLayout {
  return tileLayout(
    testView({
      columns: { key: { type: 'text', nullable: true } },
      key: ['key'],
      latenessMs: 0,
      futureSkewMs: 0,
      aggregates: [spec],
      windows: [{ windowMs: null, hopMs: 1 }],
      hopsMs: [1],
    }),
  );
}

test('of all writes of a tile in any order the newest stays, and a replay of the writes changes nothing', () => {
  const anyWrites = anyLog.chain(([view, log]) =>
    fc.tuple(
      fc.constant(view),
      fc.constant(log),
      fc.array(fc.nat(), { minLength: 2 * log.length, maxLength: 2 * log.length }),
    ),
  );
  fc.assert(
    fc.property(anyWrites, ([view, log, order]) => {
      const { layout, engine, keys } = engineOf(view);
      // What a writer would send after every event: all tiles of all keys as they are by then.
      const writes: { readonly place: string; readonly run: TileRun }[] = [];
      for (const delivery of log) {
        engine.apply(delivery, delivery.partition);
        for (const [key, { runs }] of keys) {
          runs.forEach((run, hop) => {
            const last = run.length - 1;
            if (last >= 0)
              writes.push({ place: `${hop}/${key}`, run: decoded(layout, 1, encoded(layout, 1, run, last)) });
          });
        }
      }
      const stored = new Map<string, TileRun>();
      const outcomes = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
      const shuffledWrites = writes
        .map((write, i) => ({ write, rank: order[i % order.length] * 31 + i * 7 }))
        .sort((a, b) => (a.rank % 101) - (b.rank % 101))
        .map(({ write }) => write);
      for (const { place, run } of [...shuffledWrites, ...writes]) {
        const held = stored.get(place) ?? emptyRun(layout);
        stored.set(place, held);
        outcomes[upsertTile(layout, held, run, 0)] += 1;
      }
      expect(outcomes.conflict).toBe(0);
      for (const { place, run } of writes) {
        const held = stored.get(place) ?? emptyRun(layout);
        const index = tileAt(held, layout, run.nums[START], 0);
        expect(held.nums[index * layout.numbers + COUNT]).toBeGreaterThanOrEqual(run.nums[COUNT]);
      }
      for (const [key, { runs }] of keys) {
        runs.forEach((run, hop) => {
          const last = run.length - 1;
          const held = stored.get(`${hop}/${key}`) ?? emptyRun(layout);
          const index = tileAt(held, layout, run.nums[last * layout.numbers + START], 0);
          expect(encoded(layout, 1, held, index)).toEqual(encoded(layout, 1, run, last));
        });
      }
    }),
    { numRuns: 100 },
  );
});

test('a greater generation replaces a tile of more events; other content under an equal version is a conflict and changes nothing', () => {
  const int = { type: 'int', nullable: true } as const;
  const view = testView({
    columns: { value: int, key: { type: 'text', nullable: true } },
    key: ['key'],
    latenessMs: 0,
    futureSkewMs: 0,
    aggregates: [aggregate('sum', 'sum', 'value', int), aggregate('last', 'last', 'value', int)],
    windows: [{ windowMs: null, hopMs: 10 }],
    hopsMs: [10],
  });
  const layout = tileLayout(view);
  const tile = (generation: number, n: number, value: number): TileRun => {
    const run = emptyRun(layout);
    const index = tileAt(run, layout, 20, generation);
    run.nums[index * layout.numbers + COUNT] = n;
    for (const { aggregate: algebra, num, obj } of layout.partials) algebra.update(run, num, obj, value, 21, 'a');
    return run;
  };
  const stored = emptyRun(layout);
  expect(upsertTile(layout, stored, tile(0, 9, 5), 0)).toBe('applied');
  expect(upsertTile(layout, stored, tile(1, 2, 6), 0)).toBe('applied');
  expect(upsertTile(layout, stored, tile(0, 10, 7), 0)).toBe('stale');
  expect(upsertTile(layout, stored, tile(1, 2, 8), 0)).toBe('conflict');
  expect(upsertTile(layout, stored, tile(1, 2, 6), 0)).toBe('duplicate');
  expect([stored.length, stored.nums[GENERATION], answersOf(layout, stored, 0)]).toEqual([1, 1, [6, 6]]);
});
