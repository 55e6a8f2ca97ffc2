import type { ColumnSpec } from '../../schema/column.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate } from './aggregate.ts';

/**
 * Members that aggregates of numbers alone have in common: slots start at 0, are copied by value, have no parts, and
 * hold whole numbers from 0 on.
 */
export function numbersOnly(
  numbers: number,
): Pick<Aggregate, 'numbers' | 'objects' | 'prepare' | 'clone' | 'parts' | 'codec' | 'isSound'> {
  return {
    numbers,
    objects: 0,
    prepare: (cells, n) => {
      for (let i = 0; i < numbers; i += 1) cells.nums[n + i] = 0;
    },
    clone: (into, n, _o, from, fn) => copyNumbers(into, n, from, fn, numbers),
    parts: null,
    codec: null,
    isSound: (nums, n) => areCounts(nums, n, numbers),
  };
}

/** Copies `count` numbers. */
function copyNumbers(into: Cells, n: number, from: Cells, fn: number, count: number): void {
  for (let i = 0; i < count; i += 1) into.nums[n + i] = from.nums[fn + i];
}

/** Whether `count` slots hold whole numbers from 0 on. */
export function areCounts(nums: Float64Array, n: number, count: number): boolean {
  for (let i = n; i < n + count; i += 1) if (!Number.isSafeInteger(nums[i]) || nums[i] < 0) return false;
  return true;
}

/** A column type that can be null. */
export function nullableOf(type: ColumnSpec['type']): ColumnSpec {
  return { type, nullable: true };
}

/** 10^scale of a decimal; 1 for every other type. */
export function unitOf({ type, scale = 0 }: ColumnSpec): number {
  return type === 'decimal' ? 10 ** scale : 1;
}
