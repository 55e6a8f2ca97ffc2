import type { DescEnum, DescField } from '@bufbuild/protobuf';
import type { ReflectList, ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { ColumnSpec, Columns } from '../../schema/column.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import { ExactNumber } from '../../schema/json-exact.ts';
import { bigEndian, decimalOf, integerOf, MOST_DECIMAL_BYTES, MOST_SCALE, millisOf } from './numbers.ts';
import type { Protobuf } from './protobuf.ts';
import { jsonNameOf, type ProtobufFiles, readMessageOf } from './protobuf-schema.ts';
import { textOf } from './utf-8.ts';

/** Reads a message; throws Error saying what is wrong with its bytes. */
export type ProtobufReader = (bytes: Uint8Array) => unknown;

/** A field that a column is read from. */
interface ReadField {
  readonly column: string;
  readonly spec: ColumnSpec;
  readonly field: DescField;
  readonly isText: boolean;
}

/** Fields that hold their default where the wire has nothing: they have no other way to say it. */
const IMPLICIT_PRESENCE = 2;

const MOST_DEPTH = 100;

/**
 * Makes the reader of the message at a path of indexes: events as parsed JSON has them, of the fields that the columns name
 * (by the name in the schema, or in JSON). Throws Error saying why the schema cannot be used.
 */
export function protobufReader(
  protobuf: Protobuf,
  files: ProtobufFiles,
  path: readonly number[],
  columns: Columns,
): ProtobufReader {
  const { desc, texts } = readMessageOf(protobuf, files, path, columns);
  const fields = Object.entries(columns).flatMap(([column, spec]): ReadField[] => {
    const field =
      desc.fields.find(({ name }) => name === column) ?? desc.fields.find((one) => jsonNameOf(one) === column);
    if (field === undefined) return [];
    checkField(field);
    return [{ column, spec, field, isText: texts.has(field.name) }];
  });
  const options = { readUnknownFields: false, recursionLimit: MOST_DEPTH };
  return (bytes) => {
    const message = protobuf.reflect(desc, protobuf.core.fromBinary(desc, bytes, options));
    const event: Record<string, unknown> = Object.create(null);
    for (const field of fields) {
      const value = fieldValue(message, field);
      if (value !== undefined) event[field.column] = value;
    }
    return event;
  };
}

/** Messages that stand for one value, by their full names. */
const VALUE_MESSAGES: Readonly<Record<string, (message: ReflectMessage) => unknown>> = {
  'google.protobuf.Timestamp': timestampOf,
  'google.type.Decimal': decimalTextOf,
  'confluent.type.Decimal': decimalBytesOf,
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => [
      `google.protobuf.${name}Value`,
      (message: ReflectMessage) => scalarOf(valueIn(message, 'value'), false),
    ]),
  ),
};

/** Stands for bytes, which no column holds. */
const BYTES = Object.freeze({});

function checkField(field: DescField): void {
  const isMap = field.fieldKind === 'map';
  const message = field.message?.typeName;
  if (isMap || (message !== undefined && !Object.hasOwn(VALUE_MESSAGES, message)))
    throw new Error(
      `the field "${field.name}" is a ${isMap ? 'map' : `message ${message}`}, and a column holds a value`,
    );
}

function fieldValue(message: ReflectMessage, { field, spec, isText }: ReadField): unknown {
  if (field.presence !== IMPLICIT_PRESENCE && !message.isSet(field)) return undefined;
  const value: unknown = message.get(field);
  if (field.fieldKind !== 'list') return oneValue(value, field.enum, spec.type, isText);
  return Array.from(value as ReflectList, (item) => oneValue(item, field.enum, spec.element, isText));
}

function oneValue(
  value: unknown,
  of: DescEnum | undefined,
  type: ColumnSpec['element'] | ColumnSpec['type'],
  isText: boolean,
): unknown {
  if (of !== undefined && typeof value === 'number')
    return type === 'int' || type === 'int64' ? value : (of.value[value]?.name ?? value);
  if (isMessage(value)) return VALUE_MESSAGES[value.desc.typeName](value);
  return scalarOf(value, isText);
}

function isMessage(value: unknown): value is ReflectMessage {
  return typeof value === 'object' && value !== null && 'desc' in value;
}

function scalarOf(value: unknown, isText: boolean): unknown {
  if (typeof value === 'bigint') return integerOf(value);
  if (!(value instanceof Uint8Array)) return value;
  return isText ? textOf(value) : BYTES;
}

function valueIn(message: ReflectMessage, name: string): unknown {
  const field = message.desc.fields.find((one) => one.name === name);
  return field === undefined ? undefined : message.get(field);
}

function timestampOf(message: ReflectMessage): number | bigint {
  const seconds = valueIn(message, 'seconds');
  const nanos = valueIn(message, 'nanos');
  if (typeof seconds !== 'bigint' || typeof nanos !== 'number' || nanos < 0 || nanos > 999_999_999)
    throw new Error(`a timestamp has ${String(nanos)} nanoseconds`);
  return integerOf(seconds * 1_000n + BigInt(millisOf(nanos, 1_000_000)));
}

function decimalTextOf(message: ReflectMessage): ExactNumber {
  const text = valueIn(message, 'value');
  if (typeof text !== 'string' || parseDecimal(text) === null) throw new Error('a decimal is no number');
  return new ExactNumber(text);
}

function decimalBytesOf(message: ReflectMessage): unknown {
  const bytes = valueIn(message, 'value');
  const scale = valueIn(message, 'scale');
  if (!(bytes instanceof Uint8Array) || bytes.byteLength > MOST_DECIMAL_BYTES) throw new Error('a decimal is too long');
  if (typeof scale !== 'number' || scale < 0 || scale > MOST_SCALE) throw new Error(`a decimal has the scale ${scale}`);
  return decimalOf(bigEndian(bytes), scale);
}
