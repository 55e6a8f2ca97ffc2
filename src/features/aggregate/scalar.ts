import type { ColumnSpec } from '../../schema/column.ts';
import type { Cells } from '../tile/cells.ts';
import type { Aggregate } from './aggregate.ts';

/** Members that every aggregate of numbers alone has in common: slots start at 0, are copied by value, have no parts. */
export function numbersOnly(
  numbers: number,
): Pick<Aggregate, 'numbers' | 'objects' | 'prepare' | 'clone' | 'parts' | 'codec'> {
  return {
    numbers,
    objects: 0,
    prepare: (cells, n) => {
      cells.nums.fill(0, n, n + numbers);
    },
    clone: (into, n, _o, from, fn) => copyNumbers(into, n, from, fn, numbers),
    parts: null,
    codec: null,
  };
}

/** Copies `count` numbers. */
export function copyNumbers(into: Cells, n: number, from: Cells, fn: number, count: number): void {
  for (let i = 0; i < count; i += 1) into.nums[n + i] = from.nums[fn + i];
}

/** A column type that can be null. */
export function nullableOf(type: ColumnSpec['type']): ColumnSpec {
  return { type, nullable: true };
}

/** 10^scale of a decimal; 1 for every other type. */
export function unitOf(spec: ColumnSpec | null): number {
  return spec?.type === 'decimal' ? 10 ** (spec.scale ?? 0) : 1;
}
