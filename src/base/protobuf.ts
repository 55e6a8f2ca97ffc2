import { ByteWriter } from './bytes.ts';

/*
 * The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), without groups:
 *
 * ```
 * message = *(tag value) ; tag = varint(number · 8 + type)
 * value   = varint                ; type 0: integers, two's complement in 64 bits where negative
 *         / 8 bytes               ; type 1
 *         / varint(bytes) bytes   ; type 2: texts, messages, packed lists
 *         / 4 bytes               ; type 5
 * varint  = *(1xxxxxxx) 0xxxxxxx  ; 7 bits a byte, the lowest first, ten bytes at most
 * ```
 */

/** Thrown for bytes that are no message; readers turn it into their coded error. */
export class WireFault extends Error {}

/** A field of a message, as places in its bytes. */
export interface WireField {
  readonly number: number;
  readonly wire: number;
  /** Of a varint: near its value beyond 2^53, as large where it is negative. Of the other types the length. */
  readonly value: number;
  /** Where the field begins, where its bytes begin, and where it ends. */
  readonly from: number;
  readonly at: number;
  readonly to: number;
}

/** The fields of a message, in order. Error: WireFault. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  for (let at = 0; at < bytes.length; ) {
    const from = at;
    const tag = varintAt(bytes, at);
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
    if (number === 0) throw new WireFault('a field has the number 0');
    const head =
      wire === 0 || wire === 2 ? varintAt(bytes, tag.next) : { value: FIXED[wire] ?? Number.NaN, next: tag.next };
    if (Number.isNaN(head.value)) throw new WireFault(`a field has the type ${wire}`);
    const to = wire === 0 ? head.next : head.next + head.value;
    if (to > bytes.length) throw new WireFault('it ends in a field');
    yield { number, wire, value: head.value, from, at: head.next, to };
    at = to;
  }
}

/** Bytes of the types of a fixed length. */
const FIXED: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** A whole number and the place after it. Error: WireFault. */
export function varintAt(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + 10; i += 1) {
    value += (bytes[i] & 127) * scale;
    if (bytes[i] < 128) return { value, next: i + 1 };
    scale *= 128;
  }
  throw new WireFault('it ends in a number');
}

/** Writes a message, field by field. */
export class WireMessage {
  readonly #writer = new ByteWriter();

  /** A non-negative integer field. */
  integer(field: number, value: number): this {
    this.#writer.varint(field * 8);
    this.#writer.varint(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: WireMessage): this {
    return this.bytes(field, value.finish());
  }

  bytes(field: number, value: Uint8Array): this {
    this.#writer.varint(field * 8 + 2);
    this.#writer.varint(value.length);
    this.#writer.bytes(value);
    return this;
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}
