import type { AggregateFactory } from './aggregate.ts';
import { foldsBy } from './fold.ts';
import { nullableOf, numbersOnly } from './scalar.ts';

/**
 * The share of true among the events whose bool input is not null: `true / n`, one division.
 * Columns `true` BIGINT: `COUNT(CASE WHEN v THEN 1 END)`; `n` BIGINT: `COUNT(v)`.
 */
export const share: AggregateFactory = {
  inputs: ['bool'],
  params: {},
  make: () => ({
    ...numbersOnly(2),
    ...foldsBy(['add', 'add']),
    result: nullableOf('float'),
    update: (cells, n, _o, value) => {
      if (value === null) return;
      if (value === true) cells.nums[n] += 1;
      cells.nums[n + 1] += 1;
    },
    merge: (into, n, _o, from, fn) => {
      into.nums[n] += from.nums[fn];
      into.nums[n + 1] += from.nums[fn + 1];
    },
    finalise: (cells, n) => (cells.nums[n + 1] === 0 ? null : cells.nums[n] / cells.nums[n + 1]),
    columns: [
      { suffix: 'true', type: 'BIGINT' },
      { suffix: 'n', type: 'BIGINT' },
    ],
    toColumns: (cells, n) => [BigInt(cells.nums[n]), BigInt(cells.nums[n + 1])],
    toNumbers: (nums, n, into, at) => {
      into[at] = nums[n];
      into[at + 1] = nums[n + 1];
      return true;
    },
    fromColumns: (cells, n, _o, [hits, counted]) => {
      cells.nums[n] = Number(hits);
      cells.nums[n + 1] = Number(counted);
    },
  }),
};
