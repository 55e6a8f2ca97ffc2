/**
 * The wire format of Protocol Buffers, as far as it is needed: no packed lists, no negative numbers.
 *
 * ```
 * message = { tag value }
 * tag     = varint: number of the field × 8 + type
 * value   = type 0: varint
 *         | type 1: 8 bytes
 *         | type 2: varint length, then so many bytes: UTF-8 or a message
 *         | type 5: 4 bytes
 * varint  = { byte with bit 7 set } byte: 7 bits each, the lowest first
 * ```
 */

/** Fields of a message; a repeated field has one entry per value. */
export type Fields = readonly Field[];

/** Bytes are a message that is encoded already, or bytes of a field. */
export type Field = readonly [number: number, value: number | string | Buffer | Fields];

/** Values of a message by the number of the field. */
export type Message = ReadonlyMap<number, readonly (number | Buffer)[]>;

const VARINT = 0;
const EIGHT_BYTES = 1;
const BYTES = 2;
const FOUR_BYTES = 5;

export function encode(fields: Fields): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8 + VARINT), varint(value)];
      const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.isBuffer(value) ? value : encode(value);
      return [varint(number * 8 + BYTES), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** Error: RangeError where the bytes are no message. */
export function decode(bytes: Buffer): Message {
  const message = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('a message is cut off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const number = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const [byte] = take(1);
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const field = Math.floor(tag / 8);
    const values = message.get(field) ?? [];
    if (tag % 8 === VARINT) values.push(number());
    else if (tag % 8 === BYTES) values.push(take(number()));
    else if (tag % 8 === EIGHT_BYTES) take(8);
    else if (tag % 8 === FOUR_BYTES) take(4);
    else throw new RangeError(`a field has type ${tag % 8}`);
    message.set(field, values);
  }
  return message;
}

/** Zero where the field is absent. */
export function numberIn(message: Message, field: number): number {
  const value = message.get(field)?.at(-1);
  return typeof value === 'number' ? value : 0;
}

/** Null where the field is absent. */
export function textIn(message: Message, field: number): string | null {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString() : null;
}

/** Null where the field is absent. */
export function bytesIn(message: Message, field: number): Buffer | null {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value : null;
}

export function messagesIn(message: Message, field: number): readonly Message[] {
  return (message.get(field) ?? []).filter((value) => Buffer.isBuffer(value)).map(decode);
}
