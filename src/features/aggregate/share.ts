import type { AggregateFactory } from './aggregate.ts';
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
    mergeRange: (into, n, _o, from, fn, _fo, stride, _objStride, tiles) => {
      const { nums } = from;
      let hits = 0;
      let counted = 0;
      for (let i = 0, at = fn; i < tiles; i += 1, at += stride) {
        hits += nums[at];
        counted += nums[at + 1];
      }
      into.nums[n] += hits;
      into.nums[n + 1] += counted;
    },
    finalise: (cells, n) => (cells.nums[n + 1] === 0 ? null : cells.nums[n] / cells.nums[n + 1]),
    columns: [
      { suffix: 'true', type: 'BIGINT' },
      { suffix: 'n', type: 'BIGINT' },
    ],
    toColumns: (cells, n) => [BigInt(cells.nums[n]), BigInt(cells.nums[n + 1])],
    fromColumns: (cells, n, _o, [hits, counted]) => {
      cells.nums[n] = Number(hits);
      cells.nums[n + 1] = Number(counted);
    },
  }),
};
