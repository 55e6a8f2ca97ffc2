import type { Aggregate } from './aggregate.ts';

/** Members that every aggregate kept in one object slot has in common. */
export function objectOnly<T>(object: {
  readonly empty: () => T;
  readonly copy: (held: T) => T;
}): Pick<Aggregate, 'numbers' | 'objects' | 'prepare' | 'clone' | 'columns' | 'toColumns' | 'fromColumns'> {
  return {
    numbers: 0,
    objects: 1,
    prepare: (cells, _n, o) => {
      cells.objs[o] = object.empty();
    },
    clone: (into, _n, o, from, _fn, fo) => {
      into.objs[o] = object.copy(from.objs[fo] as T);
    },
    columns: [],
    toColumns: () => [],
    fromColumns: () => undefined,
  };
}
