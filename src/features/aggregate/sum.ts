import type { ColumnSpec, Value } from '../../schema/column.ts';
import { INT64_MAX, INT64_MIN } from '../../schema/decimal.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate, AggregateFactory, ColumnValue } from './aggregate.ts';
import { addBigInt, addInt, addSum, carrySum, isSum, setSum, sumToBigInt, sumToNumber } from './exact-sum.ts';
import { foldsBy, type SlotFold } from './fold.ts';
import { EXACT_NUMBERS } from './input-types.ts';
import { areCounts, numbersOnly } from './scalar.ts';

/** Slots of a sum with its count: hi, lo, n. */
export const SUM_SLOTS = 3;

/** How they merge, with {@link carrySum}. */
export const SUM_FOLD: readonly SlotFold[] = ['add', 'add', 'add'];

/**
 * The exact sum of an int, int64 or decimal input, in the input's own type; undefined where it leaves that type's range.
 * Columns `sum` DECIMAL(38,0), wide enough for any sum: `SUM(CAST(v AS DECIMAL(38,0)))` (null over nothing); `n` BIGINT: `COUNT(v)`.
 */
export const sum: AggregateFactory = {
  inputs: EXACT_NUMBERS,
  params: {},
  make: ({ inputType }) => {
    // The range that is expected of one value is not that of their sum.
    const { range: _, ...type } = inputType;
    return { ...sumAndCount(), result: { ...type, nullable: true }, finalise: finaliseSum(inputType) };
  },
};

/** The partial (hi, lo, n) with everything but the answer. */
export function sumAndCount(): Omit<Aggregate, 'result' | 'finalise'> {
  return {
    ...numbersOnly(SUM_SLOTS),
    ...foldsBy(SUM_FOLD, carrySum),
    update: updateSum,
    merge: (into, n, _o, from, fn) => {
      addSum(into.nums, n, from.nums, fn);
      into.nums[n + 2] += from.nums[fn + 2];
    },
    columns: [
      { suffix: 'sum', type: 'DECIMAL' },
      { suffix: 'n', type: 'BIGINT' },
    ],
    toColumns: (cells, n) => [sumColumn(cells, n), BigInt(cells.nums[n + 2])],
    toNumbers: (nums, n, into, at) => {
      into[at] = sumToNumber(nums, n);
      into[at + 1] = nums[n + 2];
      return nums[n + 2] !== 0 && Number.isSafeInteger(into[at]);
    },
    fromColumns: (cells, n, _o, [total, counted]) => readSum(cells, n, total, counted),
    isSound: isSumAndCount,
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

/** Whether three slots can be a sum's with its count. */
export function isSumAndCount(nums: Float64Array, n: number): boolean {
  return isSum(nums, n) && areCounts(nums, n + 2, 1);
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
