import type { FaultyRows } from '../ports/playbook-store.ts';
import type { Value } from '../schema/column.ts';

/** The name of a kind of rows, as a key. */
export function rowsKey(rows: FaultyRows): string {
  return typeof rows === 'string' ? rows : `=${rows.equals}`;
}

/** Whether a value of a vector is faulty. */
export function isFaultyValue(rows: FaultyRows): (value: Value) => boolean {
  if (typeof rows !== 'string') return (value) => isNumber(value) && Number(value) === rows.equals;
  return IS_FAULTY[rows];
}

/** Whether a number of a model is faulty; NaN is a missing one. */
export function isFaultyNumber(rows: FaultyRows): (value: number) => boolean {
  const is = isFaultyValue(rows);
  return (value) => is(Number.isNaN(value) ? null : value);
}

const IS_FAULTY: Readonly<Record<Extract<FaultyRows, string>, (value: Value) => boolean>> = {
  all: () => true,
  missing: (value) => value === null,
  infinite: (value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY,
  negative: (value) => isNumber(value) && value < 0,
  none: () => false,
};

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
