import { WireMessage, wireFields } from '../../../base/protobuf.ts';

// Messages as they are needed here: no packed lists, no negative numbers.

/** Fields of a message; a repeated field has one entry per value. */
export type Fields = readonly Field[];

/** Bytes are a message that is encoded already, or bytes of a field. */
export type Field = readonly [number: number, value: number | string | Buffer | Fields];

/** Values of a message by the number of the field. */
export type Message = ReadonlyMap<number, readonly (number | Buffer)[]>;

export function encode(fields: Fields): Buffer {
  const message = new WireMessage();
  for (const [number, value] of fields)
    if (typeof value === 'number') message.integer(number, value);
    else if (typeof value === 'string') message.text(number, value);
    else message.bytes(number, Buffer.isBuffer(value) ? value : encode(value));
  return Buffer.from(message.finish());
}

/** Error: WireFault where the bytes are no message. */
export function decode(bytes: Buffer): Message {
  const message = new Map<number, (number | Buffer)[]>();
  for (const { number, wire, value, at, to } of wireFields(bytes)) {
    const values = message.get(number) ?? [];
    if (wire === 0) values.push(value);
    else if (wire === 2) values.push(bytes.subarray(at, to));
    message.set(number, values);
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
