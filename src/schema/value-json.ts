import type { ColumnSpec, Value } from './column.ts';
import { scaledToText } from './decimal.ts';
import { rawInteger } from './json-exact.ts';

/** Gives the value that `JSON.stringify` writes exactly for a value inside. */
export type ValueToJson = (value: Value) => unknown;

/** Chooses a column's way out: int64 as a bare integer of all its digits, decimal as text, everything else as it is. */
export function valueToJson(spec: ColumnSpec): ValueToJson {
  const type = spec.type === 'list' ? spec.element : spec.type;
  if (type !== 'int64' && type !== 'decimal') return (value) => value;
  const scale = spec.scale ?? 0;
  const one = (value: Value | undefined): unknown => {
    if (typeof value !== 'bigint') return value;
    return type === 'int64' ? rawInteger(value) : scaledToText(value, scale);
  };
  return (value) => (Array.isArray(value) ? value.map(one) : one(value));
}
