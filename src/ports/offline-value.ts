import type { OfflineType } from './offline-store.ts';

type Holds = (value: unknown) => boolean;

/** Whether a column of a type holds a value exactly; null is held by all. Rule 9 of the port. */
export const HOLDS: Readonly<Record<OfflineType, Holds>> = {
  BIGINT: isInt64,
  DECIMAL: isDecimal,
  DOUBLE: (value) => typeof value === 'number',
  BOOLEAN: isBoolean,
  STRING: isText,
  BLOB: (value) => value instanceof Uint8Array,
  'LIST<BIGINT>': listOf(isInt64),
  'LIST<DOUBLE>': listOf((value) => typeof value === 'number'),
  'LIST<STRING>': listOf(isText),
  'LIST<BOOLEAN>': listOf(isBoolean),
};

function isInt64(value: unknown): boolean {
  return Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value);
}

const DECIMAL_END = 10n ** 38n;

function isDecimal(value: unknown): boolean {
  return Number.isSafeInteger(value) || (typeof value === 'bigint' && value < DECIMAL_END && value > -DECIMAL_END);
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

/** Half of a surrogate pair has no UTF-8: it would come back as another character. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}

function listOf(holds: Holds): Holds {
  return (value) => Array.isArray(value) && value.every(holds);
}
