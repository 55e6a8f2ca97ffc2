import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';

/** A value that an aggregate keeps whole. */
export type Scalar = string | number | bigint | boolean;

/** How values of one type are written as text (the same on every engine) and as bytes. */
export interface ScalarForm {
  readonly toText: (value: Scalar) => string;
  readonly fromText: (text: string) => Scalar;
  readonly write: (writer: ByteWriter, value: Scalar) => void;
  readonly read: (reader: ByteReader) => Scalar;
}

const numberForm: ScalarForm = {
  toText: String,
  fromText: Number,
  write: (writer, value) => writer.int(Number(value)),
  read: (reader) => reader.int(),
};

const forms: Readonly<Record<Exclude<ColumnSpec['type'], 'list'>, ScalarForm>> = {
  int: numberForm,
  time: numberForm,
  float: { ...numberForm, write: (writer, value) => writer.f64(Number(value)), read: (reader) => reader.f64() },
  int64: {
    toText: String,
    fromText: BigInt,
    write: (writer, value) => writer.int64(BigInt(value)),
    read: (reader) => reader.int64(),
  },
  decimal: {
    toText: String,
    fromText: BigInt,
    write: (writer, value) => writer.int64(BigInt(value)),
    read: (reader) => reader.int64(),
  },
  bool: {
    toText: String,
    fromText: (text) => text === 'true',
    write: (writer, value) => writer.u8(value === true ? 1 : 0),
    read: (reader) => reader.u8() === 1,
  },
  text: {
    toText: String,
    fromText: (text) => text,
    write: (writer, value) => writer.text(String(value)),
    read: (reader) => reader.text(),
  },
};

/** The form of an aggregate's input type; lists are refused when they are declared. */
export function scalarForm(spec: ColumnSpec | null): ScalarForm {
  const type = spec?.type ?? 'int';
  return forms[type === 'list' ? 'text' : type];
}

/** The value as a scalar; null for null and lists. */
export function scalarOf(value: Value): Scalar | null {
  return value === null || typeof value === 'object' ? null : value;
}
