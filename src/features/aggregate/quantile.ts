import type { Value } from '../../schema/column.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Aggregate } from './aggregate.ts';
import { addCount, type Histogram, histogramCodec, mergeHistogram } from './histogram.ts';
import { objectOnly } from './object-only.ts';
import { nullableOf, unitOf } from './scalar.ts';

/**
 * The q-quantile by nearest rank (the value of rank max(1, ceil(q·n))) of an int, int64, decimal or time input, read from
 * log-linear bins of 64 per octave: the middle of the rank's bin, at most 0.78125 % from the value.
 * Parts: one row per bin, `part` its edge nearest to zero: `v - MOD(v, w)`, w = max(1, 2^(floor(log2 |v|) − 6)); `value` its count.
 */
export function quantile(spec: AggregateSpec): Aggregate {
  const q = spec.params['q'] ?? 0.5;
  const unit = unitOf(spec.inputType);
  return {
    ...objectOnly<Histogram<bigint>>({ empty: () => new Map(), copy: (histogram) => new Map(histogram) }),
    result: nullableOf('float'),
    update: (cells, _n, o, value) => {
      const bin = binOf(value);
      if (bin !== null) addCount(cells.objs[o], bin, 1, Number.POSITIVE_INFINITY);
    },
    merge: (into, _n, o, from, _fn, fo) => mergeHistogram(into.objs[o], from.objs[fo], Number.POSITIVE_INFINITY),
    finalise: (cells, _n, o) => {
      const bin = rankedBin(cells.objs[o] as Histogram<bigint>, q);
      return bin === null ? null : binMiddle(bin) / unit;
    },
    parts: {
      schema: { part: 'BIGINT', value: 'BIGINT' },
      toParts: (cells, _n, o) =>
        byBin(cells.objs[o] as Histogram<bigint>).map(([part, counted]) => ({ part, value: BigInt(counted) })),
      fromParts: (cells, _n, o, rows) => {
        const histogram: Histogram<bigint> = new Map();
        for (const { part, value } of rows) histogram.set(BigInt(part), Number(value));
        cells.objs[o] = histogram;
      },
    },
    codec: histogramCodec<bigint>({
      sorted: byBin,
      write: (writer, bin) => writer.int64(bin),
      read: (reader) => reader.int64(),
    }),
  };
}

/** Bins per octave: 2^6. */
const BITS = 6;

function binOf(value: Value): bigint | null {
  if (typeof value === 'bigint') return value - (value % widthOf(value));
  if (typeof value !== 'number') return null;
  const size = Math.abs(value);
  const width = size < 2 ** (BITS + 1) ? 1 : 2 ** (Math.floor(Math.log2(size)) - BITS);
  return BigInt(value - (value % exactWidth(size, width)));
}

/** Math.log2 may round up just below a power of two. */
function exactWidth(size: number, width: number): number {
  return width > 1 && width * 2 ** BITS > size ? width / 2 : width;
}

function widthOf(value: bigint): bigint {
  const bits = (value < 0n ? -value : value).toString(2).length;
  return bits <= BITS + 1 ? 1n : 1n << BigInt(bits - 1 - BITS);
}

function binMiddle(bin: bigint): number {
  const half = Number(widthOf(bin) - 1n) / 2;
  return bin < 0n ? Number(bin) - half : Number(bin) + half;
}

function rankedBin(histogram: Histogram<bigint>, q: number): bigint | null {
  let total = 0;
  for (const counted of histogram.values()) total += counted;
  let left = Math.max(1, Math.ceil(q * total));
  for (const [bin, counted] of byBin(histogram)) {
    left -= counted;
    if (left <= 0) return bin;
  }
  return null;
}

function byBin(histogram: Histogram<bigint>): readonly (readonly [bigint, number])[] {
  return [...histogram].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
