import fc from 'fast-check';
import { ByteWriter } from '../../src/base/bytes.ts';
import { encodeTile } from '../../src/features/tile/tile-codec.ts';
import { START } from '../../src/features/tile/tile-layout.ts';
import type { TileRun } from '../../src/features/tile/tile-run.ts';
import type { Span } from '../../src/features/window/tile-ranges.ts';
import type { BatchGeneration, OnlineStore, TileRead } from '../../src/ports/online-store.ts';
import type { Columns } from '../../src/schema/column.ts';
import { HOPS, spend, tileOf } from './numbered-tiles.ts';

const anyKey = fc.constantFrom('', 'a', 'ab', '名', 'k'.repeat(1_201), `${'k'.repeat(1_200)}l`);
const anyHop = fc.constantFrom(...HOPS);
const anyStep = fc.integer({ min: -70, max: 70 });

const anyTile = fc.record({
  key: anyKey,
  hopMs: anyHop,
  step: anyStep,
  n: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(1),
  generation: fc.nat(1),
});

const anyBound = fc.oneof(
  { weight: 3, arbitrary: anyStep },
  { weight: 1, arbitrary: fc.constantFrom(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY) },
);

const anyRead = fc.record({
  key: anyKey,
  hopMs: anyHop,
  from: anyBound,
  to: anyBound,
  offMs: fc.integer({ min: -1, max: 1 }),
  /** The ends of the spans that are wanted, by turns; null: all is. */
  wanted: fc.option(fc.uniqueArray(anyBound, { maxLength: 6 })),
});

export const features: Columns = { mean: { type: 'float', nullable: true }, name: { type: 'text', nullable: true } };
const anyRow = fc.record({
  key: anyKey,
  values: fc.tuple(fc.option(fc.double({ noNaN: true })), fc.option(fc.string({ unit: 'grapheme' }))),
});

/** Something that is done to an online store. */
export const anyOperation = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    writer: fc.constantFrom('v', 'w'),
    isOpen: fc.boolean(),
    tiles: fc.array(anyTile),
  }),
  fc.record({ kind: fc.constant('read' as const), reads: fc.array(anyRead, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('drop' as const), hops: fc.array(fc.tuple(anyHop, anyStep), { maxLength: 2 }) }),
  fc.record({ kind: fc.constant('rows' as const), rows: fc.array(anyRow) }),
  fc.record({ kind: fc.constant('switch' as const), rows: fc.array(anyRow) }),
  fc.record({ kind: fc.constant('dropKey' as const), views: fc.subarray(['history@1']), key: anyKey }),
  fc.record({ kind: fc.constant('readBatch' as const), keys: fc.array(anyKey) }),
  fc.record({ kind: fc.constant('reopen' as const) }),
);

export type Operation = typeof anyOperation extends fc.Arbitrary<infer T> ? T : never;

const writer = new ByteWriter();

/** Every wanted tile of a run by its canonical bytes. */
function plain(run: TileRun, { wanted }: TileRead): readonly string[] {
  const tiles = Array.from({ length: run.length }, (_, i) => {
    const start = run.nums[i * spend.numbers + START];
    if (wanted?.some(({ from, to }) => start >= from && start < to) === false) return [];
    writer.clear();
    encodeTile(writer, spend, 1, run, i);
    return [Buffer.from(writer.view()).toString('hex')];
  });
  return tiles.flat();
}

/** Spans by their ends in any order; an end without another is left out. */
function spansOf(ends: readonly number[], hopMs: number): readonly Span[] {
  const ordered = ends.toSorted((a, b) => a - b);
  return Array.from({ length: ordered.length >> 1 }, (_, i) => ({
    from: ordered[2 * i] * hopMs,
    to: ordered[2 * i + 1] * hopMs,
  }));
}

export function generationOf(number: number): BatchGeneration {
  return { viewId: 'history@1', generation: number, asOf: number, visibleFrom: number };
}

/** Does an operation; gives all that can be seen of it. */
export async function apply(
  store: OnlineStore,
  operation: Operation,
  number: number,
  commit: number,
): Promise<unknown> {
  switch (operation.kind) {
    case 'write': {
      const tiles = operation.tiles.map(({ key, hopMs, step, n, seed, generation }) =>
        tileOf(key, hopMs, step * hopMs, n, seed, generation),
      );
      const at = { writer: operation.writer, position: { t: [commit] } };
      const open = operation.isOpen ? store.openCommit?.() : undefined;
      for (const tile of tiles) open?.add([tile]);
      const report = await (open?.finish(at) ?? store.writeTiles({ ...at, tiles }));
      return [report, await store.position('v'), await store.position('w')];
    }
    case 'read': {
      const reads = operation.reads.map(({ key, hopMs, from, to, offMs, wanted }) => ({
        layout: spend,
        hopMs,
        key,
        from: from * hopMs + offMs,
        to: to * hopMs + offMs,
        ...(wanted === null ? {} : { wanted: spansOf(wanted, hopMs) }),
      }));
      return (await store.readTiles(reads)).map((run, i) => plain(run, reads[i]));
    }
    case 'drop':
      return store.dropTiles([
        { layout: spend, horizons: operation.hops.map(([hopMs, step]) => ({ hopMs, endedBefore: step * hopMs })) },
      ]);
    case 'rows':
      return store.writeBatch(generationOf(number), features, operation.rows);
    case 'switch':
      await store.writeBatch(generationOf(number), features, operation.rows);
      return store.switchBatch(generationOf(number));
    case 'dropKey':
      return store.dropKey?.([spend], operation.views, operation.key);
    case 'readBatch':
      return store.readBatch(operation.keys.map((key) => ({ viewId: 'history@1', features, key })));
    case 'reopen':
      return null;
    default:
      return operation satisfies never;
  }
}
