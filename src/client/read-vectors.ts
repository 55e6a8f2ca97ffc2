import type { ColumnSpec } from '../schema/column.ts';
import { scaledToText } from '../schema/decimal.ts';
import { parseTypeText } from '../schema/parse-type-text.ts';
import { VECTOR_FORMAT, VECTOR_MAGIC } from '../schema/vector-format.ts';

/** A vector of a binary answer, in the form that the JSON answer has. */
export interface ReadVector {
  readonly at: number;
  readonly complete: boolean;
  readonly features: Record<string, unknown>;
  readonly missing: Record<string, string>;
  readonly stale: string[];
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
  readonly degraded: boolean;
}

/** Reads a binary answer (`schema/vector-format.ts`); null where the bytes cannot be one, or are of another format. */
export function readVectors(bytes: Uint8Array): readonly ReadVector[] | null {
  try {
    return answerOf(new Cursor(bytes));
  } catch (error) {
    // Truncated bytes, bytes that are not UTF-8, and lengths beyond the end.
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

function answerOf(cursor: Cursor): readonly ReadVector[] {
  for (const byte of [...VECTOR_MAGIC, VECTOR_FORMAT]) if (cursor.u8() !== byte) throw new RangeError('another format');
  const columns = times(cursor.count(2), () => ({ name: cursor.text(), read: valueReader(cursor.text()) }));
  const vectors = readHeads(cursor, columns);
  for (const { name, read } of columns) readColumn(cursor, vectors, name, read);
  if (cursor.remaining > 0) throw new RangeError('more bytes than it says');
  return vectors.map((vector) => ({ ...vector, complete: Object.keys(vector.missing).length === 0 }));
}

interface BegunVector extends Omit<ReadVector, 'complete' | 'degraded'> {
  degraded: boolean;
}

function readHeads(cursor: Cursor, columns: readonly { readonly name: string }[]): readonly BegunVector[] {
  const count = cursor.count(17);
  let at = 0;
  const ats = times(count, () => {
    at += cursor.int();
    return at;
  });
  const streaming = times(count, () => cursor.age());
  const batch = times(count, () => cursor.age());
  const vectors = ats.map(
    (at, i): BegunVector => ({
      at,
      features: {},
      missing: {},
      stale: [],
      ages: { streaming: streaming[i], batch: batch[i] },
      degraded: false,
    }),
  );
  for (let left = cursor.count(3); left > 0; left -= 1) {
    const { missing } = among(vectors, cursor.varint());
    missing[among(columns, cursor.varint()).name] = cursor.text();
  }
  for (let left = cursor.count(2); left > 0; left -= 1) among(vectors, cursor.varint()).stale.push(cursor.text());
  for (let left = cursor.count(1); left > 0; left -= 1) among(vectors, cursor.varint()).degraded = true;
  return vectors;
}

function readColumn(cursor: Cursor, vectors: readonly BegunVector[], name: string, read: ReadValue): void {
  const kind = cursor.u8();
  if (kind > 1) throw new RangeError('a column of another kind');
  const nulls = kind === 1 ? times(Math.ceil(vectors.length / 8), () => cursor.u8()) : null;
  for (let i = 0; i < vectors.length; i += 1) {
    const isNull = nulls !== null && ((nulls[i >> 3] >> (i & 7)) & 1) === 1;
    vectors[i].features[name] = isNull ? null : read(cursor);
  }
}

type ReadValue = (cursor: Cursor) => unknown;

/** Reads values of a type, each as the JSON answer gives it: a decimal as its text, an int64 as a number where one holds it. */
function valueReader(text: string): ReadValue {
  const spec = parseTypeText(text);
  if (spec === null) throw new RangeError('an unknown type');
  const { type, element = 'text', scale = 0, length = 1 } = spec;
  if (type === 'embedding') return (cursor) => times(cursor.most(length, 8), () => positiveZero(cursor.f64()));
  if (type !== 'list') return scalarReader(type, scale);
  const read = scalarReader(element, scale);
  return (cursor) => times(cursor.count(1), () => read(cursor));
}

function scalarReader(type: Exclude<ColumnSpec['type'], 'list' | 'embedding'>, scale: number): ReadValue {
  switch (type) {
    case 'text':
      return (cursor) => cursor.text();
    case 'int':
    case 'time':
      return (cursor) => cursor.int();
    case 'int64':
      return (cursor) => {
        const value = cursor.int64();
        return Number.isSafeInteger(Number(value)) ? Number(value) : value;
      };
    case 'decimal':
      return (cursor) => scaledToText(cursor.int64(), scale);
    case 'float':
      return (cursor) => positiveZero(cursor.f64());
    case 'bool':
      return (cursor) => cursor.u8() === 1;
    default:
      return type satisfies never;
  }
}

/** JSON has one zero. */
function positiveZero(value: number): number {
  return value === 0 ? 0 : value;
}

function times<T>(count: number, make: () => T): T[] {
  const made: T[] = [];
  for (let i = 0; i < count; i += 1) made.push(make());
  return made;
}

function among<T>(all: readonly T[], index: number): T {
  if (index >= all.length) throw new RangeError('an index of nothing');
  return all[index];
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the bytes of `base/bytes.ts`. A read beyond the end is a RangeError. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    const value = this.#view.getUint8(this.#at);
    this.#at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 49; unit *= 128) {
      const byte = this.u8();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
    throw new RangeError('a number without end');
  }

  int(): number {
    const first = this.u8();
    const magnitude = (first & 63) + (first < 128 ? 0 : this.varint() * 64);
    return (first & 64) === 0 || magnitude === 0 ? magnitude : -magnitude;
  }

  int64(): bigint {
    const value = this.#view.getBigInt64(this.#at, true);
    this.#at += 8;
    return value;
  }

  f64(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  age(): number | null {
    const ms = this.f64();
    return Number.isNaN(ms) ? null : ms;
  }

  text(): string {
    const length = this.count(1);
    const start = this.#at;
    this.#at = start + length;
    return decoder.decode(this.#bytes.subarray(start, this.#at));
  }

  /** A count of items with a least size in bytes. A count beyond the rest of the bytes is damage, and allocates no memory. */
  count(bytesEach: number): number {
    return this.most(this.varint(), bytesEach);
  }

  most(count: number, bytesEach: number): number {
    if (count * bytesEach > this.remaining) throw new RangeError('fewer bytes than it says');
    return count;
  }
}
