import { ByteWriter } from '../../base/bytes.ts';

/**
 * The part of the Protocol Buffers wire format that an ONNX file needs:
 *
 * ```
 * message = *(tag value)          ; tag = varint(number · 8 + wire type)
 * value   = varint                ; wire type 0: integers, two's complement in 64 bits where negative
 *         / varint(bytes) bytes   ; wire type 2: texts, messages, packed floats and integers
 * ```
 */
export class Message {
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

  message(field: number, value: Message): this {
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
