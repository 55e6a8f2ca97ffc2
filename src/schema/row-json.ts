import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { ColumnSpec, Columns, Value } from './column.ts';
import { INT64_MAX, INT64_MIN } from './decimal.ts';
import { parseJsonExact } from './json-exact.ts';

/**
 * One row as JSON text, for logs that other engines read: an object with the columns in declared order, under their own
 * names, then the extra ones. The types are those of the raw tables, so that one SQL text reads both:
 *
 * | type          | JSON                                               |
 * |---------------|----------------------------------------------------|
 * | text, bool    | string, true or false                              |
 * | int, time     | integer                                            |
 * | int64         | integer, all digits                                |
 * | decimal       | integer, value · 10^scale                          |
 * | float         | number that reads back as the same double          |
 * | list          | array                                              |
 * | embedding     | array of its length of such numbers                |
 *
 * A null is written as null; a column that is absent reads as null.
 */
export interface RowJson {
  /** `extra`: further integer columns by name, such as the ingest time. */
  readonly encode: (row: readonly Value[], extra: Readonly<Record<string, number>>) => Uint8Array;
  /** Error: BYTES_DAMAGED. */
  readonly decode: (bytes: Uint8Array) => readonly Value[];
}

/** Makes the codec of rows with these columns; `what` names them in errors. */
export function rowJson(columns: Columns, what = 'a row'): RowJson {
  const names = Object.keys(columns);
  const specs = Object.values(columns);
  const heads = names.map((name, i) => `${i === 0 ? '' : ','}${JSON.stringify(name)}:`);
  const writers = specs.map(writerOf);
  const readers = specs.map(readerOf);
  return {
    encode: (row, extra) => {
      let text = '{';
      for (let i = 0; i < heads.length; i += 1) text += heads[i] + writers[i](row[i]);
      for (const name in extra) text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${extra[name]}`;
      return encoder.encode(`${text}}`);
    },
    decode: (bytes) => {
      const object = objectOf(bytes, what);
      return names.map((name, i) => {
        const value = readers[i](object[name] ?? null);
        if (value === undefined || (value === null && !specs[i].nullable))
          throw fail('BYTES_DAMAGED', { what, offset: 0, reason: `"${name}" is no ${specs[i].type}` });
        return value;
      });
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type ReadJson = (value: unknown) => Value | undefined;

function objectOf(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    const json = parseJsonExact(decoder.decode(bytes));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch (error) {
    throw fail('BYTES_DAMAGED', { what, offset: 0, reason: reasonOf(error) }, error);
  }
  throw fail('BYTES_DAMAGED', { what, offset: 0, reason: 'it is no JSON object' });
}

function writerOf(spec: ColumnSpec): (value: Value) => string {
  switch (spec.type) {
    case 'int':
    case 'time':
    case 'int64':
    case 'decimal':
    case 'bool':
      return String;
    case 'float':
      return floatText;
    case 'text':
      return (value) => JSON.stringify(value);
    case 'embedding':
      return listText(floatText);
    case 'list': {
      const write = writerOf({ type: spec.element ?? 'text', nullable: false });
      return listText(write);
    }
    default:
      return spec.type satisfies never;
  }
}

function listText(write: (value: Value) => string): (value: Value) => string {
  return (value) => (Array.isArray(value) ? `[${value.map((item: Value) => write(item)).join(',')}]` : 'null');
}

/** `JSON.stringify` loses the sign of a negative zero. */
function floatText(value: Value): string {
  return Object.is(value, -0) ? '-0.0' : String(value);
}

function readerOf(spec: ColumnSpec): ReadJson {
  if (spec.type !== 'list' && spec.type !== 'embedding')
    return (value) => (value === null ? null : itemReader(spec.type)(value));
  const read = itemReader(spec.type === 'embedding' ? 'float' : (spec.element ?? 'text'));
  return (value) => {
    if (value === null) return null;
    if (!Array.isArray(value) || (spec.length !== undefined && value.length !== spec.length)) return undefined;
    const items = value.map(read);
    return items.includes(undefined) ? undefined : (items as Exclude<Value, null | string | number | bigint | boolean>);
  };
}

type Item = string | number | bigint | boolean;

function itemReader(type: ColumnSpec['type']): (value: unknown) => Item | undefined {
  switch (type) {
    case 'text':
    case 'list':
    case 'embedding':
      return (value) => (typeof value === 'string' ? value : undefined);
    case 'bool':
      return (value) => (typeof value === 'boolean' ? value : undefined);
    case 'int':
    case 'time':
      return (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined);
    case 'float':
      return (value) => (typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined);
    case 'int64':
    case 'decimal':
      return int64;
    default:
      return type satisfies never;
  }
}

function int64(value: unknown): bigint | undefined {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isSafeInteger(value))) return undefined;
  const exact = BigInt(value);
  return exact >= INT64_MIN && exact <= INT64_MAX ? exact : undefined;
}
