import type { ByteReader, ByteWriter } from '../base/bytes.ts';
import type { ColumnSpec, Value } from './column.ts';

/** One value of a column type as bytes, as the grammar of `row-codec.ts` has it: null has none. Hot path. */
export type WriteValue = (writer: ByteWriter, value: Value) => void;
export type ReadValue = (reader: ByteReader) => Exclude<Value, null>;

/** Writes values of a column type that are not null. */
export function valueWriter(spec: ColumnSpec): WriteValue {
  switch (spec.type) {
    case 'text':
      return (writer, value) => writer.text(value as string);
    case 'int':
    case 'time':
      return (writer, value) => writer.int(value as number);
    case 'int64':
    case 'decimal':
      return (writer, value) => writer.int64(value as bigint);
    case 'float':
      return (writer, value) => writer.f64(value as number);
    case 'bool':
      return (writer, value) => writer.u8(value === true ? 1 : 0);
    case 'list':
      return listWriter(valueWriter(elementOf(spec)));
    case 'embedding':
      return writeEmbedding;
    default:
      return spec.type satisfies never;
  }
}

/** Reads them. Error: BYTES_DAMAGED. */
export function valueReader(spec: ColumnSpec): ReadValue {
  switch (spec.type) {
    case 'text':
      return (reader) => reader.text();
    case 'int':
    case 'time':
      return (reader) => reader.int();
    case 'int64':
    case 'decimal':
      return (reader) => reader.int64();
    case 'float':
      return (reader) => reader.f64();
    case 'bool':
      return readBool;
    case 'list':
      return listReader(valueReader(elementOf(spec)));
    case 'embedding':
      return embeddingReader(spec.length ?? 1);
    default:
      return spec.type satisfies never;
  }
}

function elementOf({ element = 'text' }: ColumnSpec): ColumnSpec {
  return { type: element, nullable: false };
}

function readBool(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw reader.damaged('a boolean is neither 0 nor 1');
  return byte === 1;
}

/** Writes the numbers of an embedding, whose length is its column's. */
export function writeEmbedding(writer: ByteWriter, value: Value): void {
  const numbers = value as readonly number[];
  for (let i = 0; i < numbers.length; i += 1) writer.f64(numbers[i]);
}

/** Reads the numbers of an embedding. Error: BYTES_DAMAGED, also for one that is not finite. */
export function embeddingReader(length: number): (reader: ByteReader) => readonly number[] {
  return (reader) => {
    const numbers: number[] = new Array(length);
    for (let i = 0; i < length; i += 1) {
      numbers[i] = reader.f64();
      if (!Number.isFinite(numbers[i])) throw reader.damaged('a number of an embedding is not finite');
    }
    return numbers;
  };
}

function listWriter(write: WriteValue): WriteValue {
  return (writer, value) => {
    const items = value as readonly Value[];
    writer.varint(items.length);
    for (const item of items) write(writer, item);
  };
}

function listReader(read: ReadValue): ReadValue {
  return (reader) => {
    const length = reader.varint();
    // Every element takes a byte or more: a greater length is damage, not a reason to ask for memory.
    if (length > reader.remaining) throw reader.damaged('a list is longer than the bytes');
    const items: (string | number | bigint | boolean)[] = [];
    for (let i = 0; i < length; i++) items.push(read(reader) as string | number | bigint | boolean);
    return items;
  };
}
