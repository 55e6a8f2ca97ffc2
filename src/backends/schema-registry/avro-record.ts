import type { Columns, ValueType } from '../../schema/column.ts';
import type { AvroField, AvroType, Logical } from './avro-schema.ts';
import { bigEndian, decimalOf, integerOf, MOST_DECIMAL_BYTES, millisOf } from './numbers.ts';
import { textOf } from './utf-8.ts';

/**
 * The binary encoding of Avro (specification 1.12), as far as a record needs it:
 *
 * ```
 * null    = nothing                    boolean = 0x00 | 0x01
 * int     = long = zigzag varint       float, double = IEEE 754, little-endian
 * bytes   = string = long byte*        fixed = its size in bytes
 * enum    = int, the symbol's index    union = long, the branch's index, value
 * array   = block* 0x00                map = array of (string value)
 * block   = count item* | -count long item*        the long: bytes of the block
 * record  = the fields in order
 * ```
 */

/** Where a record is read, and how many values it may still have. */
interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  values: number;
  depth: number;
}

/** A record may have 16 values for each of its bytes, and this many more: nulls of an array take no bytes. */
const SPARE_VALUES = 65_536;

/** Records contain each other no deeper than this. */
const MOST_DEPTH = 100;

/** Stands for a value that no column holds: a map, a record in a record, bytes. */
const NESTED = Object.freeze({});

const DAY_MS = 86_400_000;

/**
 * Reads the fields that the columns name from a record, as parsed JSON would have them; the others are passed over.
 * A value of a timestamp or date is in epoch milliseconds where its column is a time. Throws Error saying what is wrong.
 */
export function readAvroRecord(type: AvroType, bytes: Uint8Array, columns: Columns): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor = { bytes, view, at: 0, values: 16 * bytes.byteLength + SPARE_VALUES, depth: 0 };
  const event = readEvent(type, cursor, columns);
  if (cursor.at !== bytes.byteLength) throw new Error(`${bytes.byteLength - cursor.at} bytes follow the record`);
  return event;
}

function readEvent(type: AvroType, cursor: Cursor, columns: Columns): unknown {
  if (type.kind === 'union') return readEvent(branchOf(type.branches, cursor), cursor, columns);
  if (type.kind !== 'record') return readValue(type, cursor, null);
  const event: Record<string, unknown> = Object.create(null);
  enter(cursor);
  for (const { name, type: of } of type.fields) {
    const want = Object.hasOwn(columns, name) ? (columns[name].element ?? columns[name].type) : null;
    const value = readValue(of, cursor, want);
    if (want !== null) event[name] = value;
  }
  cursor.depth -= 1;
  return event;
}

/** Hot path. `want`: the type of the column, or of its elements; null where no column takes the value. */
function readValue(type: AvroType, cursor: Cursor, want: ValueType | null): unknown {
  cursor.values -= 1;
  if (cursor.values < 0) throw new Error('it has more values than its bytes can hold');
  switch (type.kind) {
    case 'null':
      return null;
    case 'boolean':
      return readBoolean(cursor);
    case 'int':
      return ticksOf(readInt(cursor), type.logical, want);
    case 'long':
      return ticksOf(readLong(cursor), type.logical, want);
    case 'float':
      return cursor.view.getFloat32(skip(cursor, 4), true);
    case 'double':
      return cursor.view.getFloat64(skip(cursor, 8), true);
    case 'string':
      return textOf(sliceOf(cursor, readLength(cursor)));
    case 'bytes':
      return bytesOf(sliceOf(cursor, readLength(cursor)), type.logical, want);
    case 'fixed':
      return bytesOf(sliceOf(cursor, type.size), type.logical, want);
    case 'enum':
      return oneOf(type.symbols, readInt(cursor), 'symbol');
    case 'union':
      return readValue(branchOf(type.branches, cursor), cursor, want);
    case 'array':
      return readArray(type.items, cursor, want);
    case 'map':
      return readMap(type.values, cursor);
    case 'record':
      return readNested(type.fields, cursor);
    default:
      return type satisfies never;
  }
}

function readArray(items: AvroType, cursor: Cursor, want: ValueType | null): readonly unknown[] {
  const list: unknown[] = [];
  enter(cursor);
  readBlocks(cursor, () => {
    const item = readValue(items, cursor, want);
    if (want !== null) list.push(item);
  });
  cursor.depth -= 1;
  return list;
}

function readMap(values: AvroType, cursor: Cursor): object {
  enter(cursor);
  readBlocks(cursor, () => {
    textOf(sliceOf(cursor, readLength(cursor)));
    readValue(values, cursor, null);
  });
  cursor.depth -= 1;
  return NESTED;
}

function readNested(fields: readonly AvroField[], cursor: Cursor): object {
  enter(cursor);
  for (const { type } of fields) readValue(type, cursor, null);
  cursor.depth -= 1;
  return NESTED;
}

function readBlocks(cursor: Cursor, readItem: () => void): void {
  for (;;) {
    const count = readLong(cursor);
    if (count === 0) return;
    // Where it is negative, the size of the block follows, for those who pass over it.
    if (count < 0) readLength(cursor);
    for (let left = count < 0 ? -count : count; left > 0; left--) readItem();
  }
}

function enter(cursor: Cursor): void {
  cursor.depth += 1;
  if (cursor.depth > MOST_DEPTH) throw new Error(`values are nested deeper than ${MOST_DEPTH}`);
}

/** Ticks of a time as epoch milliseconds where the column is a time, otherwise as they are. */
function ticksOf(ticks: number | bigint, logical: Logical | null, want: ValueType | null): number | bigint {
  if (want !== 'time') return ticks;
  if (logical?.kind === 'date') return Number(ticks) * DAY_MS;
  return logical?.kind === 'timestamp' ? millisOf(ticks, logical.perMilli) : ticks;
}

function bytesOf(bytes: Uint8Array, logical: Logical | null, want: ValueType | null): unknown {
  if (want === null) return NESTED;
  if (logical?.kind === 'uuid') return uuidOf(bytes);
  if (logical?.kind !== 'decimal') return NESTED;
  const digits = withoutSign(bytes);
  if (digits.byteLength > MOST_DECIMAL_BYTES) throw new Error(`a decimal has ${digits.byteLength} bytes`);
  return decimalOf(bigEndian(digits), logical.scale);
}

/** A number of two's complement without the bytes that only repeat its sign. */
function withoutSign(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from + 1 < bytes.byteLength && bytes[from] === (bytes[from + 1] < 0x80 ? 0 : 0xff)) from += 1;
  return bytes.subarray(from);
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function readBoolean(cursor: Cursor): boolean {
  const byte = cursor.bytes[skip(cursor, 1)];
  if (byte > 1) throw new Error(`a boolean is ${byte}`);
  return byte === 1;
}

function branchOf(branches: readonly AvroType[], cursor: Cursor): AvroType {
  return oneOf(branches, readLong(cursor), 'branch');
}

function oneOf<T>(all: readonly T[], index: number | bigint, what: string): T {
  if (typeof index === 'bigint' || index < 0 || index >= all.length)
    throw new Error(`${what} ${index} is none of ${all.length}`);
  return all[index];
}

function readInt(cursor: Cursor): number {
  const value = readLong(cursor);
  if (typeof value === 'bigint' || value !== (value | 0)) throw new Error('an int is beyond 32 bits');
  return value;
}

function readLength(cursor: Cursor): number {
  const length = readLong(cursor);
  if (typeof length === 'bigint' || length < 0) throw new Error(`a length is ${length}`);
  return length;
}

/** A zigzag varint: as a number where a double holds it. */
function readLong(cursor: Cursor): number | bigint {
  const { bytes } = cursor;
  let low = 0;
  for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
    const byte = bytes[skip(cursor, 1)];
    low += (byte & 127) * factor;
    if (byte < 128) return low % 2 === 0 ? low / 2 : -(low + 1) / 2;
  }
  return readLongTail(cursor, low);
}

/** Bits from 49 on; the tenth byte has one of them. */
function readLongTail(cursor: Cursor, low: number): number | bigint {
  let value = BigInt(low);
  for (let shift = 49n; shift <= 63n; shift += 7n) {
    const byte = cursor.bytes[skip(cursor, 1)];
    if (shift === 63n && byte > 1) break;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return integerOf((value >> 1n) ^ -(value & 1n));
  }
  throw new Error('a number is beyond 64 bits');
}

function sliceOf(cursor: Cursor, length: number): Uint8Array {
  const from = skip(cursor, length);
  return cursor.bytes.subarray(from, from + length);
}

/** Advances by `length` bytes, and returns where they begin. */
function skip(cursor: Cursor, length: number): number {
  const from = cursor.at;
  if (length > cursor.bytes.byteLength - from) throw new Error(`it ends after ${cursor.bytes.byteLength} bytes`);
  cursor.at = from + length;
  return from;
}
