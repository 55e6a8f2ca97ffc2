import { compareText } from '../../base/text-order.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import type { Aggregate, AggregateFactory, ColumnValue } from './aggregate.ts';
import { setSum, sumToBigInt } from './exact-sum.ts';
import { foldsBy } from './fold.ts';
import { ORDERED } from './input-types.ts';
import { mergeEach } from './object-only.ts';
import { numbersOnly } from './scalar.ts';

/** The least input, in the input's type; texts by their UTF-8 bytes. Column `min`: `MIN(v)` (of text: by bytes). */
export const min: AggregateFactory = extreme('min');
/** The greatest input, in the input's type; texts by their UTF-8 bytes. Column `max`: `MAX(v)` (of text: by bytes). */
export const max: AggregateFactory = extreme('max');

type Side = 'min' | 'max';

function extreme(side: Side): AggregateFactory {
  return {
    inputs: ORDERED,
    params: {},
    make: ({ inputType }) => {
      const result: ColumnSpec = { ...inputType, nullable: true };
      if (result.type === 'text') return textExtreme(result, side);
      return result.type === 'int64' || result.type === 'decimal'
        ? exactExtreme(result, side)
        : numberExtreme(result, side);
    },
  };
}

/** int, float and time: one double; the infinity of the other side is nothing. */
function numberExtreme(result: ColumnSpec, side: Side): Aggregate {
  const nothing = side === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const least = side === 'min';
  const isFloat = result.type === 'float';
  const toColumn = isFloat ? (value: number): ColumnValue => value : (value: number): ColumnValue => BigInt(value);
  return {
    ...numbersOnly(1),
    ...foldsBy([least ? 'least' : 'greatest']),
    result,
    prepare: (cells, n) => {
      cells.nums[n] = nothing;
    },
    update: (cells, n, _o, value) => {
      if (typeof value === 'number' && (least ? value < cells.nums[n] : value > cells.nums[n])) cells.nums[n] = value;
    },
    merge: (into, n, _o, from, fn) => {
      const value = from.nums[fn];
      if (least ? value < into.nums[n] : value > into.nums[n]) into.nums[n] = value;
    },
    finalise: (cells, n) => (cells.nums[n] === nothing ? null : cells.nums[n]),
    columns: [{ suffix: side, type: isFloat ? 'DOUBLE' : 'BIGINT' }],
    toColumns: (cells, n) => [cells.nums[n] === nothing ? null : toColumn(cells.nums[n])],
    fromColumns: (cells, n, _o, [value]) => {
      cells.nums[n] = value === null ? nothing : Number(value);
    },
    isSound: (nums, n) => nums[n] === nothing || (isFloat ? Number.isFinite(nums[n]) : Number.isSafeInteger(nums[n])),
  };
}

/** int64 and decimal: hi, lo of the value as in a sum; an infinite hi is nothing. */
function exactExtreme(result: ColumnSpec, side: Side): Aggregate {
  const nothing = side === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const take = (nums: Float64Array, n: number, high: number, low: number) => {
    const order = high - nums[n] || low - nums[n + 1];
    if (side === 'min' ? order >= 0 : order <= 0) return;
    nums[n] = high;
    nums[n + 1] = low;
  };
  const merge: Aggregate['merge'] = (into, n, _o, from, fn) => {
    if (from.nums[fn] !== nothing) take(into.nums, n, from.nums[fn], from.nums[fn + 1]);
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
    merge,
    mergeRange: mergeEach(merge),
    fold: null,
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
    isSound: (nums, n) => isInt64(nums[n], nums[n + 1]) || (nums[n] === nothing && nums[n + 1] === 0),
  };
}

/** Whether hi and lo are those of an int64. */
function isInt64(high: number, low: number): boolean {
  return (
    Number.isInteger(high) && high >= -(2 ** 31) && high < 2 ** 31 && Number.isInteger(low) && low >= 0 && low < 2 ** 32
  );
}

function textExtreme(result: ColumnSpec, side: Side): Aggregate {
  const sign = side === 'min' ? -1 : 1;
  const better = (value: Value, held: unknown): boolean =>
    typeof value === 'string' && (typeof held !== 'string' || compareText(value, held) * sign > 0);
  const merge: Aggregate['merge'] = (into, _n, o, from, _fn, fo) => {
    const value = textAt(from.objs[fo]);
    if (better(value, into.objs[o])) into.objs[o] = value;
  };
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
    merge,
    mergeRange: mergeEach(merge),
    fold: null,
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
    isSound: () => true,
  };
}

function textAt(held: unknown): string | null {
  return typeof held === 'string' ? held : null;
}
