import type { Aggregate } from './aggregate.ts';

/** Members that aggregates kept in one object slot have in common. The slot of a partial of nothing holds null. */
export function objectOnly<T>(
  copy: (held: T) => T,
): Pick<
  Aggregate,
  'numbers' | 'objects' | 'fold' | 'prepare' | 'clone' | 'columns' | 'toColumns' | 'fromColumns' | 'isSound'
> {
  return {
    numbers: 0,
    objects: 1,
    fold: null,
    prepare: (cells, _n, o) => {
      cells.objs[o] = null;
    },
    clone: (into, _n, o, from, _fn, fo) => {
      const held = from.objs[fo] as T | null;
      into.objs[o] = held === null ? null : copy(held);
    },
    columns: [],
    toColumns: () => [],
    fromColumns: () => undefined,
    isSound: () => true,
  };
}

/** The merge of a whole range, one partial after the other: for kinds where nothing is gained by more. */
export function mergeEach(merge: Aggregate['merge']): Aggregate['mergeRange'] {
  return (into, n, o, from, fn, fo, numStride, objStride, count) => {
    for (let i = 0; i < count; i += 1) merge(into, n, o, from, fn + i * numStride, fo + i * objStride);
  };
}
