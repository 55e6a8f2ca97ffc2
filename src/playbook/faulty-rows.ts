import { doubleOf } from '../model/cell-number.ts';
import type { FaultyRows } from '../ports/playbook-store.ts';
import type { ColumnSpec, Value } from '../schema/column.ts';

/** The name of a kind of rows, as a key. */
export function rowsKey(rows: FaultyRows): string {
  return typeof rows === 'string' ? rows : `=${rows.equals}`;
}

/** Whether a value of a vector is faulty: by the number that a model is fed for it, so that a trial and the service agree. */
export function isFaultyValue(rows: FaultyRows, spec: ColumnSpec): (value: Value) => boolean {
  const [is, double] = [isFaultyNumber(rows), doubleOf(spec)];
  if (rows === 'all') return () => true;
  return (value) => (value === null ? is(Number.NaN) : isNumber(value) && is(double(value)));
}

/** Whether a number of a model is faulty; NaN is a missing one. */
export function isFaultyNumber(rows: FaultyRows): (value: number) => boolean {
  if (typeof rows !== 'string') return (value) => value === rows.equals;
  return IS_FAULTY[rows];
}

const IS_FAULTY: Readonly<Record<Extract<FaultyRows, string>, (value: number) => boolean>> = {
  all: () => true,
  missing: Number.isNaN,
  infinite: (value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY,
  negative: (value) => value < 0,
  none: () => false,
};

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
