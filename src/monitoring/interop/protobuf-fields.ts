/**
 * Fields of a message of Protocol Buffers (protobuf.dev/programming-guides/encoding):
 *
 * ```
 * message = *field; field = varint(number << 3 | type) value; type 0: varint · 1: 8 bytes · 2: varint(length) bytes · 5: 4 bytes
 * ```
 */
export interface Field {
  readonly number: number;
  /** Of a varint; NaN where it is negative or beyond 2^53, and for the other types. */
  readonly whole: number;
  /** Of the other types. */
  readonly bytes: Uint8Array;
}

/** Thrown for bytes that are no message; readers turn it into their coded error. */
export class MessageFault extends Error {}

const NOTHING = new Uint8Array(0);

/** Reads one message whole. Error: MessageFault. */
export function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = varintAt(bytes, at);
    const number = Math.floor(head.value / 8);
    if (number === 0) throw new MessageFault('a field has the number 0');
    const { field, next } = valueAt(bytes, head.next, number, head.value % 8);
    fields.push(field);
    at = next;
  }
  return fields;
}

function valueAt(bytes: Uint8Array, at: number, number: number, type: number): { field: Field; next: number } {
  if (type === 0) {
    const { value, next } = looseVarint(bytes, at);
    return { field: { number, whole: Number.isSafeInteger(value) ? value : Number.NaN, bytes: NOTHING }, next };
  }
  const length = type === 1 ? 8 : type === 5 ? 4 : null;
  if (length !== null)
    return { field: { number, whole: Number.NaN, bytes: slice(bytes, at, length) }, next: at + length };
  if (type !== 2) throw new MessageFault(`a field has the type ${type}`);
  const size = varintAt(bytes, at);
  return {
    field: { number, whole: Number.NaN, bytes: slice(bytes, size.next, size.value) },
    next: size.next + size.value,
  };
}

function slice(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > bytes.length) throw new MessageFault('it ends in a field');
  return bytes.subarray(at, at + length);
}

interface Varint {
  readonly value: number;
  /** The place after it. */
  readonly next: number;
}

/** A whole number of at most 2^53; negative ones are refused. Error: MessageFault. */
export function varintAt(bytes: Uint8Array, at: number): Varint {
  const read = looseVarint(bytes, at);
  if (!Number.isSafeInteger(read.value)) throw new MessageFault('a number is negative or beyond 2^53');
  return read;
}

/** Numbers beyond 2^53 come out near their value, negative ones as large. */
function looseVarint(bytes: Uint8Array, at: number): Varint {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + 10; i += 1) {
    value += (bytes[i] & 127) * scale;
    if (bytes[i] < 128) {
      return { value, next: i + 1 };
    }
    scale *= 128;
  }
  throw new MessageFault('it ends in a number');
}

/** The text of a field. Error: MessageFault. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new MessageFault('a text is no UTF-8');
  }
}

/** Keys and values of a map: repeated messages with the key in field 1 and the value in field 2. */
export function entriesOf(
  fields: readonly Field[],
  number: number,
): readonly (readonly [Field | null, Field | null])[] {
  return fields
    .filter((field) => field.number === number)
    .map(({ bytes }) => {
      const entry = fieldsOf(bytes);
      const of = (wanted: number) => entry.findLast((field) => field.number === wanted) ?? null;
      return [of(1), of(2)] as const;
    });
}
