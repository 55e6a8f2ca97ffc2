import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { ColumnSpec, ScalarType, Value } from '../../schema/column.ts';
import { embeddingReader, writeEmbedding } from '../../schema/value-codec.ts';

/** A value that an aggregate keeps whole. */
export type Scalar = string | number | bigint | boolean;

/** How values of one type are written as text (the same on every engine but for floats) and as bytes. */
export interface ScalarForm {
  readonly toText: (value: Scalar) => string;
  readonly fromText: (text: string) => Scalar;
  readonly write: (writer: ByteWriter, value: Scalar) => void;
  /** Error: BYTES_DAMAGED. */
  readonly read: (reader: ByteReader) => Scalar;
}

const intForm: ScalarForm = {
  toText: String,
  fromText: Number,
  write: (writer, value) => writer.int(Number(value)),
  read: (reader) => reader.int(),
};

const bigintForm: ScalarForm = {
  toText: String,
  fromText: BigInt,
  write: (writer, value) => writer.int64(BigInt(value)),
  read: (reader) => reader.int64(),
};

const forms: Readonly<Record<ScalarType, ScalarForm>> = {
  int: intForm,
  time: intForm,
  int64: bigintForm,
  decimal: bigintForm,
  float: {
    toText: String,
    fromText: Number,
    write: (writer, value) => writer.f64(Number(value)),
    read: (reader) => {
      const value = reader.f64();
      if (!Number.isFinite(value)) throw reader.damaged('a float is not finite');
      return value;
    },
  },
  bool: {
    toText: String,
    fromText: (text) => text === 'true',
    write: (writer, value) => writer.u8(value === true ? 1 : 0),
    read: (reader) => {
      const byte = reader.u8();
      if (byte > 1) throw reader.damaged('a boolean is neither 0 nor 1');
      return byte === 1;
    },
  },
  text: {
    toText: String,
    fromText: (text) => text,
    write: (writer, value) => writer.text(String(value)),
    read: (reader) => reader.text(),
  },
};

/** The form of an aggregate's input type, which is one of scalars. */
export function scalarForm({ type }: ColumnSpec): ScalarForm {
  return forms[scalarType(type)];
}

function scalarType(type: ColumnSpec['type']): ScalarType {
  return type === 'list' || type === 'embedding' ? 'text' : type;
}

/** The value as a scalar; null for null, lists and embeddings. */
export function scalarOf(value: Value): Scalar | null {
  return value === null || typeof value === 'object' ? null : value;
}

/** How values of a type that first and last take are written; as text by `String`. */
export interface KeptForm {
  readonly fromText: (text: string) => Kept;
  readonly write: (writer: ByteWriter, value: Kept) => void;
  /** Error: BYTES_DAMAGED. */
  readonly read: (reader: ByteReader) => Kept;
}

/** A value of any type but null. */
export type Kept = NonNullable<Value>;

/** The form of an input type that is kept whole: every one but a list. */
export function keptForm(spec: ColumnSpec): KeptForm {
  if (spec.type === 'embedding')
    return { fromText: numbersOf, write: writeEmbedding, read: embeddingReader(spec.length ?? 1) };
  const { fromText, write, read } = scalarForm(spec);
  // Values of such a type are scalars: this only tells the compiler.
  return { fromText, read, write: (writer, value) => write(writer, scalarOf(value) ?? '') };
}

/** `0.5,1` as the algebra writes it, `[0.5, 1.0]` as engines do. */
function numbersOf(text: string): readonly number[] {
  return text.replaceAll(/[[\]]/g, '').split(',').map(Number);
}

/** The type of a list of such values. */
export function listOf({ type, scale }: ColumnSpec): ColumnSpec {
  const element = scalarType(type);
  return { type: 'list', element, nullable: false, ...(scale === undefined ? {} : { scale }) };
}
