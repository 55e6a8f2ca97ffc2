import type { ColumnSpec, Value } from '../../schema/column.ts';
import { INT64_MAX, INT64_MIN } from '../../schema/decimal.ts';
import type { AggregateSpec } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate, ColumnValue } from './aggregate.ts';
import { addBigInt, addInt, addSum, setSum, sumToBigInt, sumToNumber } from './exact-sum.ts';
import { nullableOf, numbersOnly, unitOf } from './scalar.ts';

/** Slots of a sum with its count: hi, lo, n. */
export const SUM_SLOTS = 3;

/**
 * The exact sum of an int, int64 or decimal input, in the input's own type; undefined where it leaves that type's range.
 * Columns `sum` BIGINT: `CAST(SUM(CAST(v AS BIGINT)) AS BIGINT)` (null over nothing); `n` BIGINT: `COUNT(v)`.
 */
export function sum(spec: AggregateSpec): Aggregate {
  const type = spec.inputType ?? { type: 'int', nullable: true };
  return { ...sumAndCount(), result: { ...type, nullable: true }, finalise: finaliseSum(type) };
}

/**
 * The mean of an int, int64 or decimal input as a double: `sum / (n · 10^scale)`, the sum exact, one division.
 * Columns as those of `sum`.
 */
export function mean(spec: AggregateSpec): Aggregate {
  const unit = unitOf(spec.inputType);
  return {
    ...sumAndCount(),
    result: nullableOf('float'),
    finalise: (cells, n) => (cells.nums[n + 2] === 0 ? null : sumToNumber(cells.nums, n) / (cells.nums[n + 2] * unit)),
  };
}

/** The partial (hi, lo, n) with everything but the answer. */
function sumAndCount(): Omit<Aggregate, 'result' | 'finalise'> {
  return {
    ...numbersOnly(SUM_SLOTS),
    update: updateSum,
    merge: (into, n, _o, from, fn) => {
      addSum(into.nums, n, from.nums, fn);
      into.nums[n + 2] += from.nums[fn + 2];
    },
    mergeNumbers: (into, n, from, fn, stride, tiles) => {
      for (let i = 0, at = fn; i < tiles; i += 1, at += stride) {
        addSum(into, n, from, at);
        into[n + 2] += from[at + 2];
      }
    },
    columns: [
      { suffix: 'sum', type: 'BIGINT' },
      { suffix: 'n', type: 'BIGINT' },
    ],
    toColumns: (cells, n) => [sumColumn(cells, n), BigInt(cells.nums[n + 2])],
    fromColumns: (cells, n, _o, [total, counted]) => readSum(cells, n, total, counted),
  };
}

/** Adds a value to (hi, lo, n). */
export function updateSum(cells: Cells, n: number, _o: number, value: Value): void {
  if (typeof value === 'number') addInt(cells.nums, n, value);
  else if (typeof value === 'bigint') addBigInt(cells.nums, n, value);
  else return;
  cells.nums[n + 2] += 1;
}

/** The sum as its column: null over nothing. */
export function sumColumn(cells: Cells, n: number): bigint | null {
  return cells.nums[n + 2] === 0 ? null : sumToBigInt(cells.nums, n);
}

/** Reads the sum and its count from their columns. */
export function readSum(
  cells: Cells,
  n: number,
  total: ColumnValue | undefined,
  counted: ColumnValue | undefined,
): void {
  setSum(cells.nums, n, BigInt(total ?? 0));
  cells.nums[n + 2] = Number(counted);
}

function finaliseSum({ type }: ColumnSpec): Aggregate['finalise'] {
  if (type === 'int') {
    return (cells, n) => {
      if (cells.nums[n + 2] === 0) return null;
      const total = sumToNumber(cells.nums, n);
      return Number.isSafeInteger(total) ? total : undefined;
    };
  }
  return (cells, n) => {
    if (cells.nums[n + 2] === 0) return null;
    const total = sumToBigInt(cells.nums, n);
    return total < INT64_MIN || total > INT64_MAX ? undefined : total;
  };
}
