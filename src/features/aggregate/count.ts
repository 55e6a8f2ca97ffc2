import type { AggregateSpec } from '../define/declaration.ts';
import type { AggregateFactory } from './aggregate.ts';
import { foldsBy } from './fold.ts';
import { KEPT } from './input-types.ts';
import { numbersOnly } from './scalar.ts';

/**
 * How many events; with an input, those where it is not null, and for a bool input those where it is true.
 * Column `n` BIGINT: `COUNT(*)`, `COUNT(v)`, `COUNT(CASE WHEN v THEN 1 END)`.
 */
export const count: AggregateFactory = {
  inputs: [null, ...KEPT, 'list'],
  params: {},
  make: (spec) => {
    const counts = countsValue(spec);
    return {
      ...numbersOnly(1),
      ...foldsBy(['add']),
      result: { type: 'int', nullable: false },
      update: (cells, n, _o, value) => {
        if (counts(value)) cells.nums[n] += 1;
      },
      merge: (into, n, _o, from, fn) => {
        into.nums[n] += from.nums[fn];
      },
      finalise: (cells, n) => cells.nums[n],
      columns: [{ suffix: 'n', type: 'BIGINT' }],
      toColumns: (cells, n) => [BigInt(cells.nums[n])],
      toNumbers: (nums, n, into, at) => {
        into[at] = nums[n];
        return true;
      },
      fromColumns: (cells, n, _o, [counted]) => {
        cells.nums[n] = Number(counted);
      },
    };
  },
};

function countsValue({ input, inputType }: AggregateSpec): (value: unknown) => boolean {
  if (input === null) return () => true;
  return inputType?.type === 'bool' ? (value) => value === true : (value) => value !== null;
}
