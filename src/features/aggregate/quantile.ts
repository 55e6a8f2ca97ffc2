import type { ByteReader } from '../../base/bytes.ts';
import type { Value } from '../../schema/column.ts';
import type { AggregateFactory } from './aggregate.ts';
import {
  addToBin,
  type BinCounts,
  binOf,
  binOfBigInt,
  binOfRank,
  edgeOf,
  MOST_BIN,
  mergeBins,
  middleOf,
} from './bins.ts';
import { BINNED } from './input-types.ts';
import { objectOnly } from './object-only.ts';
import { nullableOf, unitOf } from './scalar.ts';

/**
 * The q-quantile by nearest rank (the value of rank max(1, ceil(q · n)) in ascending order) of an int, int64, decimal or
 * time input, read from log-linear bins: the middle of the rank's bin, at most 0.78125 % from the value, exact for
 * |x| < 128 (of a decimal: of its scaled integer). In the input's unit, as a double.
 * Parts: one row per bin, `part` its edge `v - MOD(v, w)` (see bins.ts), `value` its count.
 */
export const quantile: AggregateFactory = {
  inputs: BINNED,
  params: { q: { wanted: 'a number from 0 to 1', holds: (q) => q >= 0 && q <= 1 } },
  make: ({ inputType, params }) => {
    const { q } = params;
    const unit = unitOf(inputType);
    return {
      ...objectOnly<BinCounts>((bins) => bins.slice()),
      result: nullableOf('float'),
      update: (cells, _n, o, value) => {
        const bin = binOfValue(value);
        if (bin === null) return;
        const bins = binsAt(cells.objs, o);
        if (bins === null) cells.objs[o] = [bin, 1];
        else addToBin(bins, bin);
      },
      merge: (into, _n, o, from, _fn, fo) => {
        into.objs[o] = mergeBins(binsAt(into.objs, o), from.objs, fo, 1, 1);
      },
      mergeRange: (into, _n, o, from, _fn, fo, _numStride, objStride, count) => {
        into.objs[o] = mergeBins(binsAt(into.objs, o), from.objs, fo, objStride, count);
      },
      finalise: (cells, _n, o) => {
        const bins = binsAt(cells.objs, o);
        if (bins === null) return null;
        let counted = 0;
        for (let b = 1; b < bins.length; b += 2) counted += bins[b];
        return middleOf(binOfRank(bins, Math.max(1, Math.ceil(q * counted)))) / unit;
      },
      parts: {
        schema: { part: 'BIGINT', value: 'BIGINT' },
        toParts: (cells, _n, o) =>
          pairsOf(binsAt(cells.objs, o)).map(([bin, count]) => ({ part: BigInt(edgeOf(bin)), value: BigInt(count) })),
        fromParts: (cells, _n, o, rows) => {
          const pairs = Array.from(rows, ({ part, value }) => [binOfBigInt(BigInt(part)), Number(value)] as const);
          cells.objs[o] = pairs.length === 0 ? null : pairs.sort(([a], [b]) => a - b).flat();
        },
      },
      // varint(bins) *(int(bin, or step from the previous one) varint(count)), ascending
      codec: {
        encode: (writer, cells, o) => {
          const bins = binsAt(cells.objs, o) ?? [];
          writer.varint(bins.length / 2);
          for (let b = 0, before = 0; b < bins.length; b += 2) {
            writer.int(bins[b] - before);
            writer.varint(bins[b + 1]);
            before = bins[b];
          }
        },
        decode: (reader, cells, o) => {
          cells.objs[o] = readBins(reader);
        },
      },
    };
  },
};

/** The bin of an input; null where it has none. */
export function binOfValue(value: Value): number | null {
  if (typeof value === 'number') return binOf(value);
  return typeof value === 'bigint' ? binOfBigInt(value) : null;
}

function binsAt(objs: readonly unknown[], o: number): BinCounts | null {
  return objs[o] as BinCounts | null;
}

function pairsOf(bins: BinCounts | null): readonly (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  if (bins !== null) for (let b = 0; b < bins.length; b += 2) pairs.push([bins[b], bins[b + 1]]);
  return pairs;
}

function readBins(reader: ByteReader): BinCounts | null {
  const size = reader.varint();
  if (size > reader.remaining) throw reader.damaged('they hold more bins than bytes');
  const bins: BinCounts = [];
  let bin = 0;
  for (let i = 0; i < size; i += 1) {
    const step = reader.int();
    bin += step;
    if (Math.abs(bin) > MOST_BIN || (i > 0 && step <= 0)) throw reader.damaged('a quantile bin is out of order');
    bins.push(bin, reader.varint());
  }
  return bins.length === 0 ? null : bins;
}
