/**
 * Growable writing and checked reading of bytes. Hot path: no allocation per value but the text that is read.
 *
 * ```
 * u8      = %x00-FF
 * varint  = *(1xxxxxxx) 0xxxxxxx              ; unsigned, 7 bits a byte, lowest first, to 2^53 - 1
 * int     = CSxxxxxx *(varint)                ; C: more follow, S: negative, 6 lowest bits of the magnitude, then varint
 * int64   = 8 bytes, two's complement, little-endian
 * f64     = 8 bytes, IEEE 754, little-endian
 * text    = varint(bytes) UTF-8
 * ```
 */
import { fail } from './errors/fail.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One 8-byte value, seen as bytes, a double and an integer; every platform that Node runs on is little-endian. */
const scratch = new Uint8Array(8);
const scratchF64 = new Float64Array(scratch.buffer);
const scratchI64 = new BigInt64Array(scratch.buffer);

/** Texts up to this length are written and read by character where they are ASCII. */
const SHORT_TEXT = 24;

export class ByteWriter {
  /** Bytes written so far. */
  length = 0;
  #bytes: Uint8Array;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Discards the written bytes; the memory is kept. */
  clear(): void {
    this.length = 0;
  }

  /** The written bytes, as a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  /** The written bytes, in place: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  u8(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** A whole number from 0 to 2^53 − 1. */
  varint(value: number): void {
    this.#room(8);
    const bytes = this.#bytes;
    let rest = value;
    while (rest > 0x7fffffff) {
      bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[this.length++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    bytes[this.length++] = rest;
  }

  /** A whole number within ±(2^53 − 1). */
  int(value: number): void {
    const sign = value < 0 ? 0x40 : 0;
    const magnitude = value < 0 ? -value : value;
    if (magnitude < 64) {
      this.u8(sign | magnitude);
    } else {
      this.u8(0x80 | sign | (magnitude % 64));
      this.varint(Math.floor(magnitude / 64));
    }
  }

  /** An integer within int64. */
  int64(value: bigint): void {
    scratchI64[0] = value;
    this.#eight();
  }

  f64(value: number): void {
    scratchF64[0] = value;
    this.#eight();
  }

  /** Well-formed text; a lone surrogate would be read back as U+FFFD. */
  text(value: string): void {
    if (value.length <= SHORT_TEXT && this.#ascii(value)) return;
    this.#room(value.length * 3 + 8);
    // The length is known only afterwards: leave space for the longest possible length, then close the gap.
    const start = this.length;
    const room = value.length * 3 < 128 ? 1 : 5;
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(start + room));
    this.varint(written);
    this.#bytes.copyWithin(this.length, start + room, start + room + written);
    this.length += written;
  }

  /** Bytes as they are, without a length. */
  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  #ascii(value: string): boolean {
    this.#room(SHORT_TEXT + 1);
    const bytes = this.#bytes;
    const start = this.length + 1;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[start + i] = code;
    }
    bytes[this.length] = value.length;
    this.length = start + value.length;
    return true;
  }

  #eight(): void {
    this.#room(8);
    const bytes = this.#bytes;
    const at = this.length;
    for (let i = 0; i < 8; i++) bytes[at + i] = scratch[i];
    this.length = at + 8;
  }

  #room(size: number): void {
    if (this.length + size > this.#bytes.length) this.#grow(size);
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + size));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}

/** Reads what {@link ByteWriter} wrote. Truncated or impossible bytes: BYTES_DAMAGED, which names `what`. */
export class ByteReader {
  /** The next byte to read. */
  offset = 0;
  readonly #what: string;
  #bytes: Uint8Array;

  constructor(what: string, bytes: Uint8Array = new Uint8Array(0)) {
    this.#what = what;
    this.#bytes = bytes;
  }

  /** Starts over on other bytes. */
  reset(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.offset = 0;
  }

  get remaining(): number {
    return this.#bytes.length - this.offset;
  }

  u8(): number {
    const byte = this.#bytes[this.offset];
    if (byte === undefined) throw this.damaged('they end early');
    this.offset += 1;
    return byte;
  }

  varint(): number {
    let byte = this.u8();
    let value = byte & 127;
    let weight = 128;
    while (byte > 127) {
      byte = this.u8();
      value += (byte & 127) * weight;
      weight *= 128;
      if (value > Number.MAX_SAFE_INTEGER) throw this.damaged('a number is too large');
      // Nine bytes hold 63 bits: a longer run of zero groups would never end.
      if (weight > 2 ** 63) throw this.damaged('a number is too long');
    }
    return value;
  }

  int(): number {
    const first = this.u8();
    let magnitude = first & 63;
    if (first > 127) {
      const rest = this.varint();
      if (rest > 2 ** 47 - 1) throw this.damaged('a number is too large');
      magnitude += rest * 64;
    }
    return (first & 64) === 0 || magnitude === 0 ? magnitude : -magnitude;
  }

  /** Whole numbers, one after the other, into [from, to) of an array. */
  ints(into: Float64Array, from: number, to: number): void {
    const bytes = this.#bytes;
    for (let i = from; i < to; i += 1) {
      const first = bytes[this.offset];
      if (first < 64) {
        into[i] = first;
        this.offset += 1;
      } else into[i] = this.int();
    }
  }

  int64(): bigint {
    this.#eight();
    return scratchI64[0];
  }

  f64(): number {
    this.#eight();
    return scratchF64[0];
  }

  text(): string {
    const length = this.varint();
    this.#need(length);
    const start = this.offset;
    const end = start + length;
    this.offset = end;
    const bytes = this.#bytes;
    if (length <= SHORT_TEXT) {
      let text = '';
      let i = start;
      for (; i < end; i++) {
        const byte = bytes[i];
        if (byte > 127) break;
        text += String.fromCharCode(byte);
      }
      if (i === end) return text;
    }
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch (cause) {
      throw this.damaged('a text is not UTF-8', cause);
    }
  }

  /** The next `length` bytes, in place. */
  bytes(length: number): Uint8Array {
    this.#need(length);
    this.offset += length;
    return this.#bytes.subarray(this.offset - length, this.offset);
  }

  /** Skips `length` bytes. */
  skip(length: number): void {
    this.#need(length);
    this.offset += length;
  }

  /** Error BYTES_DAMAGED unless all bytes were read. */
  end(): void {
    if (this.offset !== this.#bytes.length) throw this.damaged('there are more bytes after the end');
  }

  /** The error for impossible bytes. */
  damaged(reason: string, cause?: unknown): Error {
    return fail('BYTES_DAMAGED', { what: this.#what, offset: this.offset, reason }, cause);
  }

  #eight(): void {
    this.#need(8);
    const bytes = this.#bytes;
    const at = this.offset;
    for (let i = 0; i < 8; i++) scratch[i] = bytes[at + i];
    this.offset = at + 8;
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.offset) throw this.damaged('they end early');
  }
}
