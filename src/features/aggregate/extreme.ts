import { compareText } from '../../base/text-order.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Aggregate, ColumnValue } from './aggregate.ts';
import { setSum, sumToBigInt } from './exact-sum.ts';
import { numbersOnly } from './scalar.ts';

/** The least input, in the input's type; texts by their UTF-8 bytes. Column `min`: `MIN(v)` (of text: by bytes). */
export const min = (spec: AggregateSpec): Aggregate => extreme(spec, 'min');
/** The greatest input, in the input's type; texts by their UTF-8 bytes. Column `max`: `MAX(v)` (of text: by bytes). */
export const max = (spec: AggregateSpec): Aggregate => extreme(spec, 'max');

type Side = 'min' | 'max';

function extreme(spec: AggregateSpec, side: Side): Aggregate {
  const type = spec.inputType ?? { type: 'int', nullable: true };
  const result: ColumnSpec = { ...type, nullable: true };
  if (type.type === 'text') return textExtreme(result, side);
  return type.type === 'int64' || type.type === 'decimal' ? exactExtreme(result, side) : numberExtreme(result, side);
}

/** int, float and time: one double; the infinity of the other side is nothing. */
function numberExtreme(result: ColumnSpec, side: Side): Aggregate {
  const nothing = side === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const better = side === 'min' ? (a: number, b: number) => a < b : (a: number, b: number) => a > b;
  const toColumn =
    result.type === 'float' ? (value: number): ColumnValue => value : (value: number): ColumnValue => BigInt(value);
  return {
    ...numbersOnly(1),
    result,
    prepare: (cells, n) => {
      cells.nums[n] = nothing;
    },
    update: (cells, n, _o, value) => {
      if (typeof value === 'number' && better(value, cells.nums[n])) cells.nums[n] = value;
    },
    merge: (into, n, _o, from, fn) => {
      if (better(from.nums[fn], into.nums[n])) into.nums[n] = from.nums[fn];
    },
    mergeNumbers: (into, n, from, fn, stride, tiles) => {
      let held = into[n];
      for (let i = 0, at = fn; i < tiles; i += 1, at += stride) if (better(from[at], held)) held = from[at];
      into[n] = held;
    },
    finalise: (cells, n) => (cells.nums[n] === nothing ? null : cells.nums[n]),
    columns: [{ suffix: side, type: result.type === 'float' ? 'DOUBLE' : 'BIGINT' }],
    toColumns: (cells, n) => [cells.nums[n] === nothing ? null : toColumn(cells.nums[n])],
    fromColumns: (cells, n, _o, [value]) => {
      cells.nums[n] = value === null ? nothing : Number(value);
    },
  };
}

/** int64 and decimal: hi, lo of the value; an infinite hi is nothing. */
function exactExtreme(result: ColumnSpec, side: Side): Aggregate {
  const nothing = side === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const take = (nums: Float64Array, n: number, high: number, low: number) => {
    const order = high - nums[n] || low - nums[n + 1];
    if (side === 'min' ? order >= 0 : order <= 0) return;
    nums[n] = high;
    nums[n + 1] = low;
  };
  return {
    ...numbersOnly(2),
    result,
    prepare: (cells, n) => {
      cells.nums[n] = nothing;
      cells.nums[n + 1] = 0;
    },
    update: (cells, n, _o, value) => {
      if (typeof value === 'bigint') take(cells.nums, n, Number(value >> 32n), Number(BigInt.asUintN(32, value)));
    },
    merge: (into, n, _o, from, fn) => {
      if (from.nums[fn] !== nothing) take(into.nums, n, from.nums[fn], from.nums[fn + 1]);
    },
    finalise: (cells, n) => (cells.nums[n] === nothing ? null : sumToBigInt(cells.nums, n)),
    columns: [{ suffix: side, type: 'BIGINT' }],
    toColumns: (cells, n) => [cells.nums[n] === nothing ? null : sumToBigInt(cells.nums, n)],
    fromColumns: (cells, n, _o, [value]) => {
      if (value !== null) setSum(cells.nums, n, BigInt(value));
      else {
        cells.nums[n] = nothing;
        cells.nums[n + 1] = 0;
      }
    },
  };
}

function textExtreme(result: ColumnSpec, side: Side): Aggregate {
  const sign = side === 'min' ? -1 : 1;
  const better = (value: Value, held: unknown): boolean =>
    typeof value === 'string' && (typeof held !== 'string' || compareText(value, held) * sign > 0);
  return {
    numbers: 0,
    objects: 1,
    result,
    prepare: (cells, _n, o) => {
      cells.objs[o] = null;
    },
    update: (cells, _n, o, value) => {
      if (better(value, cells.objs[o])) cells.objs[o] = value;
    },
    merge: (into, _n, o, from, _fn, fo) => {
      const value = from.objs[fo];
      if (typeof value === 'string' && better(value, into.objs[o])) into.objs[o] = value;
    },
    finalise: (cells, _n, o) => textAt(cells.objs[o]),
    clone: (into, _n, o, from, _fn, fo) => {
      into.objs[o] = from.objs[fo];
    },
    columns: [{ suffix: side, type: 'STRING' }],
    toColumns: (cells, _n, o) => [textAt(cells.objs[o])],
    fromColumns: (cells, _n, o, [value]) => {
      cells.objs[o] = value;
    },
    parts: null,
    codec: {
      encode: (writer, cells, o) => {
        const value = textAt(cells.objs[o]);
        writer.u8(value === null ? 0 : 1);
        if (value !== null) writer.text(value);
      },
      decode: (reader, cells, o) => {
        cells.objs[o] = reader.u8() === 0 ? null : reader.text();
      },
    },
  };
}

function textAt(held: unknown): string | null {
  return typeof held === 'string' ? held : null;
}
