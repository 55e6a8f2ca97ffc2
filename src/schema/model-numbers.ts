import type { ColumnSpec, ValueType } from './column.ts';

const NUMBERS: Readonly<Record<ValueType, (spec: ColumnSpec) => number>> = {
  text: () => 0,
  int: () => 1,
  int64: () => 1,
  decimal: () => 1,
  float: () => 1,
  bool: () => 1,
  time: () => 1,
  list: () => 0,
  embedding: ({ length = 1 }) => length,
};

/** How many numbers a model takes of a column: one, all of an embedding, none of texts and lists. */
export function modelNumbers(spec: ColumnSpec): number {
  return NUMBERS[spec.type](spec);
}
