import type { DescMessage } from '@bufbuild/protobuf';
import { fail } from '../../base/errors/fail.ts';
import { type DecodedCounts, MOST_CONTAINERS, MOST_VALUES } from '../../schema/json-bounds.ts';

/*
 * The wire format of protobuf: message = *(tag value), tag = varint(number << 3 | type). A value of type 0 is a varint, of type 1 eight
 * bytes, of type 5 four bytes, of type 2 a length and bytes: a text, bytes, a message, or packed numbers. Groups (3, 4) are of no message
 * here.
 */
const [VARINT, EIGHT, BYTES, FOUR] = [0, 1, 2, 5];

/** Messages in one message: inputs, outputs and parameters of a request. */
const MOST_MESSAGES = 4_096;

/** Scalar types of protobuf that are packed as four or eight bytes (FieldDescriptorProto.Type). */
const WIDTHS: Readonly<Record<number, number>> = { 1: 8, 2: 4, 6: 8, 7: 4, 15: 4, 16: 8 };

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
  values: number;
  containers: number;
  messages: number;
  readonly mostValues: number;
}

/**
 * Counts the values, texts and messages that the decoded form of a message has, before any of them is made. Error: SERVER_BODY_BOUNDS;
 * a RangeError for bytes that are no message.
 */
export function checkMessage(schema: DescMessage, bytes: Uint8Array, mostValues: number): DecodedCounts {
  const most = Math.min(mostValues, MOST_VALUES);
  const reader = { bytes, at: 0, values: 0, containers: 0, messages: 0, mostValues: most };
  count(reader, schema, bytes.length);
  return { values: reader.values, containers: reader.containers + reader.messages };
}

function count(reader: Reader, schema: DescMessage, end: number): void {
  while (reader.at < end) {
    const tag = varint(reader, end);
    const type = tag % 8;
    add(reader);
    if (type === VARINT) varint(reader, end);
    else if (type === EIGHT) reader.at += EIGHT_BYTES;
    else if (type === FOUR) reader.at += FOUR_BYTES;
    else if (type === BYTES) countBytes(reader, schema, Math.floor(tag / 8), end);
    else throw new RangeError(`there is no value of type ${type}`);
    if (reader.at > end) throw new RangeError('a value is cut off');
  }
}

const [EIGHT_BYTES, FOUR_BYTES] = [8, 4];

function countBytes(reader: Reader, schema: DescMessage, number: number, outer: number): void {
  const length = varint(reader, outer);
  const end = reader.at + length;
  if (end > outer) throw new RangeError('a value is cut off');
  const field = schema.fields.find((one) => one.number === number);
  if (field?.fieldKind === 'message' || field?.fieldKind === 'map' || field?.fieldKind === 'list') {
    const { message, scalar } = field.fieldKind === 'map' ? { message: field.message, scalar: undefined } : field;
    if (field.fieldKind === 'map') countEntry(reader, message, end);
    else if (message !== undefined) countMessage(reader, message, end);
    else if (scalar !== undefined) countList(reader, scalar, end);
  }
  reader.at = end;
}

function countMessage(reader: Reader, schema: DescMessage, end: number): void {
  reader.messages += 1;
  if (reader.messages > MOST_MESSAGES) throw fail('SERVER_BODY_BOUNDS', { most: MOST_MESSAGES, what: 'messages' });
  count(reader, schema, end);
}

/** An entry of a map: field 1 is the key, field 2 the value. */
function countEntry(reader: Reader, value: DescMessage | undefined, end: number): void {
  reader.messages += 1;
  if (reader.messages > MOST_MESSAGES) throw fail('SERVER_BODY_BOUNDS', { most: MOST_MESSAGES, what: 'messages' });
  if (value === undefined) return;
  const entry = { fields: [{ number: 2, fieldKind: 'message', message: value }] } as unknown as DescMessage;
  count(reader, entry, end);
}

function countList(reader: Reader, scalar: number, end: number): void {
  if (scalar === TEXT || scalar === RAW) {
    reader.containers += 1;
    if (reader.containers > MOST_CONTAINERS) throw fail('SERVER_BODY_BOUNDS', { most: MOST_CONTAINERS, what: 'texts' });
    return;
  }
  const width = WIDTHS[scalar];
  if (width !== undefined) return add(reader, (end - reader.at) / width);
  // The last byte of a varint is below 128.
  for (let i = reader.at; i < end; i += 1) if (reader.bytes[i] < 128) add(reader);
}

const [TEXT, RAW] = [9, 12];

function add(reader: Reader, values = 1): void {
  reader.values += values;
  if (reader.values > reader.mostValues) throw fail('SERVER_BODY_BOUNDS', { most: reader.mostValues, what: 'values' });
}

const LONGEST_VARINT = 10;

/** Numbers beyond 2^53 are of values only, and are not asked for. */
function varint(reader: Reader, end: number): number {
  let value = 0;
  for (let i = 0; i < LONGEST_VARINT && reader.at < end; i += 1) {
    const byte = reader.bytes[reader.at];
    reader.at += 1;
    value += (byte % 128) * 2 ** (7 * i);
    if (byte < 128) return value;
  }
  throw new RangeError('a number is cut off');
}
