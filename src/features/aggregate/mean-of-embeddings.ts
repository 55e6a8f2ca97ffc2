import type { Value } from '../../schema/column.ts';
import type { Aggregate, InputSpec, PartialColumn } from './aggregate.ts';
import { addInt, addSum, carrySum, isSum, setSum, sumToBigInt, sumToNumber } from './exact-sum.ts';
import { foldsBy, type SlotFold } from './fold.ts';
import { areCounts, numbersOnly } from './scalar.ts';

/**
 * Embeddings are summed in whole multiples of 2^-32, so that a mean depends neither on the order of events nor on how tiles
 * are merged: a power of two scales a double exactly, and each of its numbers is rounded once, by at most 2^-33 (1.2·10^-10).
 */
const UNIT = 2 ** 32;

/** The greatest number that is summed: its multiple is a safe integer. */
export const MOST_SUMMED = 2 ** 21 - 1;

/** A number of an embedding in multiples of 2^-32, halves upward. */
function inUnits(number: number): number {
  return Math.floor(number * UNIT + 0.5);
}

/** Slots before the sums: embeddings, those with a number beyond ±MOST_SUMMED. */
const COUNTS = 2;

/**
 * The mean of embeddings, number by number, as an embedding of doubles: `sum / (n · 2^32)`, the sum exact. Undefined where
 * a number was beyond {@link MOST_SUMMED}. Columns `n`, `beyond` BIGINT, and `e0`, `e1`, … DECIMAL(38,0): the sums in
 * multiples of 2^-32, null over nothing (0 where rows are taken away again).
 */
export function meanOfEmbeddings({ inputType, retracts }: InputSpec): Aggregate {
  const { length = 1 } = inputType;
  const numbers = COUNTS + 2 * length;
  const slots: readonly SlotFold[] = new Array<SlotFold>(numbers).fill('add');
  const settle = (nums: Float64Array, n: number) => {
    for (let i = n + COUNTS; i < n + numbers; i += 2) carrySum(nums, i);
  };
  const sums: readonly PartialColumn[] = Array.from({ length }, (_, i) => ({ suffix: `e${i}`, type: 'DECIMAL' }));
  return {
    ...numbersOnly(numbers),
    ...foldsBy(slots, settle),
    result: { type: 'embedding', length, nullable: true },
    update: ({ nums }, n, _o, value) => addEmbedding(nums, n, value),
    merge: (into, n, _o, from, fn) => {
      for (let i = 0; i < COUNTS; i += 1) into.nums[n + i] += from.nums[fn + i];
      for (let i = COUNTS; i < numbers; i += 2) addSum(into.nums, n + i, from.nums, fn + i);
    },
    finalise: ({ nums }, n) => {
      const counted = nums[n];
      if (counted === 0) return null;
      if (nums[n + 1] !== 0) return undefined;
      const mean: number[] = new Array(length);
      for (let i = 0; i < length; i += 1) mean[i] = sumToNumber(nums, n + COUNTS + 2 * i) / (counted * UNIT);
      return mean;
    },
    columns: [{ suffix: 'n', type: 'BIGINT' }, { suffix: 'beyond', type: 'BIGINT' }, ...sums],
    toColumns: ({ nums }, n) => [
      BigInt(nums[n]),
      BigInt(nums[n + 1]),
      ...sums.map((_, i) => (nums[n] === 0 && retracts !== true ? null : sumToBigInt(nums, n + COUNTS + 2 * i))),
    ],
    fromColumns: ({ nums }, n, _o, [counted, beyond, ...totals]) => {
      nums[n] = Number(counted);
      nums[n + 1] = Number(beyond);
      for (let i = 0; i < length; i += 1) setSum(nums, n + COUNTS + 2 * i, BigInt(totals[i] ?? 0));
    },
    isSound: (nums, n) => {
      if (!areCounts(nums, n, COUNTS)) return false;
      for (let i = n + COUNTS; i < n + numbers; i += 2) if (!isSum(nums, i)) return false;
      return true;
    },
  };
}

/** Adds the numbers of an embedding to the partial at `n`; one beyond the greatest adds nothing but that it was there. Hot path. */
function addEmbedding(nums: Float64Array, n: number, value: Value): void {
  if (value === null || typeof value !== 'object') return;
  let beyond = 0;
  for (let i = 0; i < value.length; i += 1) {
    const number = Number(value[i]);
    if (number >= -MOST_SUMMED && number <= MOST_SUMMED) addInt(nums, n + COUNTS + 2 * i, inUnits(number));
    else beyond = 1;
  }
  nums[n] += 1;
  nums[n + 1] += beyond;
}
