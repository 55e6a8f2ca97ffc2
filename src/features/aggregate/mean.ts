import type { AggregateFactory } from './aggregate.ts';
import { sumToNumber } from './exact-sum.ts';
import { EXACT_NUMBERS } from './input-types.ts';
import { meanOfEmbeddings } from './mean-of-embeddings.ts';
import { nullableOf, unitOf } from './scalar.ts';
import { sumAndCount } from './sum.ts';

/**
 * The mean of an int, int64 or decimal input as a double: `sum / (n · 10^scale)`, the sum exact, one division.
 * Columns as those of `sum`. Of embeddings: number by number (`mean-of-embeddings.ts`).
 */
export const mean: AggregateFactory = {
  inputs: [...EXACT_NUMBERS, 'embedding'],
  params: {},
  make: (spec) => {
    const { inputType } = spec;
    if (inputType.type === 'embedding') return meanOfEmbeddings(spec);
    const unit = unitOf(inputType);
    return {
      ...sumAndCount(),
      result: nullableOf('float'),
      finalise: (cells, n) =>
        cells.nums[n + 2] === 0 ? null : sumToNumber(cells.nums, n) / (cells.nums[n + 2] * unit),
    };
  },
};
