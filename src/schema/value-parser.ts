import type { ColumnSpec, Value } from './column.ts';
import { INT64_MAX, INT64_MIN, scaledFromNumber, scaledFromText } from './decimal.ts';
import { ExactNumber } from './json-exact.ts';

/** The inside form of a JSON value that is not null; null if it does not fit the column's type. */
export type ValueParser = (json: unknown) => Exclude<Value, null> | null;

/** Epoch milliseconds reach this far on both sides of 1970 (ECMAScript's time value). */
const LAST_TIME = 8.64e15;

/** Chooses the parser of a column, once per column. Hot path: no allocation except for bigints and lists. */
export function valueParser(spec: ColumnSpec): ValueParser {
  switch (spec.type) {
    case 'text':
      return parseText;
    case 'int':
      return parseInt53;
    case 'int64':
      return parseInt64;
    case 'decimal':
      return decimalParser(spec.scale ?? 0);
    case 'float':
      return parseFloat64;
    case 'bool':
      return parseBool;
    case 'time':
      return parseTime;
    case 'list':
      return listParser(spec);
    case 'embedding':
      return embeddingParser(spec.length ?? 1);
    default:
      return spec.type satisfies never;
  }
}

/** The accepted values of a column, for an error's text. */
export function expectedOf({ type, scale = 0, element = 'text', length = 1, nullable }: ColumnSpec): string {
  const what = {
    text: 'well-formed text',
    int: 'an integer within ±(2^53 − 1)',
    int64: 'an integer within int64, as a number or decimal text',
    decimal: `a number within int64 of at most ${scale} digits after the point, or its text`,
    float: 'a finite number',
    bool: 'true or false',
    time: 'epoch milliseconds, an integer within ±8.64e15',
    list: `an array of ${element} without nulls`,
    embedding: `an array of ${length} finite numbers`,
  }[type];
  return nullable ? `${what}, or null` : what;
}

/** A wrong value as a fact of an error: numbers as they are, text in quotes, the rest in words. */
export function describeJson(json: unknown): string | number | bigint | null {
  if (json === null || typeof json === 'number' || typeof json === 'bigint' || typeof json === 'string') return json;
  if (Array.isArray(json)) return `an array of ${json.length}`;
  if (json instanceof ExactNumber) return json.text;
  return typeof json === 'object' ? 'an object' : String(json);
}

function parseText(json: unknown): string | null {
  return typeof json === 'string' && json.isWellFormed() ? json : null;
}

// Adding 0 turns −0 into 0: SQL engines and JSON do not keep the two apart, so neither do tiles.
function parseInt53(json: unknown): number | null {
  return typeof json === 'number' && Number.isSafeInteger(json) ? json + 0 : null;
}

function parseInt64(json: unknown): bigint | null {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : null;
  if (typeof json === 'bigint') return json >= INT64_MIN && json <= INT64_MAX ? json : null;
  if (typeof json !== 'string' || !/^-?\d{1,19}$/.test(json)) return null;
  const value = BigInt(json);
  return value >= INT64_MIN && value <= INT64_MAX ? value : null;
}

function decimalParser(scale: number): ValueParser {
  return (json) => {
    if (typeof json === 'number') return scaledFromNumber(json, scale);
    if (typeof json === 'string') return scaledFromText(json, scale);
    if (typeof json === 'bigint') return scaledFromText(String(json), scale);
    return json instanceof ExactNumber ? scaledFromText(json.text, scale) : null;
  };
}

function parseFloat64(json: unknown): number | null {
  if (typeof json === 'number') return Number.isFinite(json) ? json + 0 : null;
  if (typeof json === 'bigint') return finite(Number(json));
  return json instanceof ExactNumber ? finite(Number(json.text)) : null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function parseBool(json: unknown): boolean | null {
  return typeof json === 'boolean' ? json : null;
}

function parseTime(json: unknown): number | null {
  return typeof json === 'number' && Number.isInteger(json) && json >= -LAST_TIME && json <= LAST_TIME
    ? json + 0
    : null;
}

function listParser({ element = 'text', scale }: ColumnSpec): ValueParser {
  const parse = valueParser({ type: element, nullable: false, ...(scale === undefined ? {} : { scale }) });
  return (json) => {
    if (!Array.isArray(json)) return null;
    const values: (string | number | bigint | boolean)[] = [];
    for (const item of json) {
      const value = parse(item);
      if (value === null || typeof value === 'object') return null;
      values.push(value);
    }
    return values;
  };
}

function embeddingParser(length: number): ValueParser {
  return (json) => {
    if (!Array.isArray(json) || json.length !== length) return null;
    const numbers: number[] = new Array(length);
    for (let i = 0; i < length; i += 1) {
      const number = parseFloat64(json[i]);
      if (number === null) return null;
      numbers[i] = number;
    }
    return numbers;
  };
}
