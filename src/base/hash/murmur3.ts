const encoder = new TextEncoder();

/**
 * The 128 bits of MurmurHash3_x86_128 as four 32-bit integers. Near texts have unlike values; it is no guard against
 * somebody who looks for two texts of one value. An instance holds the last value, so that hashing allocates nothing. Hot path.
 * Source: Appleby, MurmurHash3 (public domain).
 */
export class Murmur128 {
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  #text = new Uint8Array(64);

  /** Of a text's UTF-8 bytes; a lone surrogate counts as U+FFFD. */
  ofText(text: string): void {
    const { length } = text;
    if (length * 3 > this.#text.length) this.#text = new Uint8Array(length * 6);
    const bytes = this.#text;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 127) return this.ofBytes(bytes, 0, encoder.encodeInto(text, bytes).written);
      bytes[i] = code;
    }
    this.ofBytes(bytes, 0, length);
  }

  /** Of the bytes [from, to). */
  ofBytes(bytes: Uint8Array, from: number, to: number, seed = 0): void {
    let a = seed;
    let b = seed;
    let c = seed;
    let d = seed;
    let at = from;
    for (; at + 16 <= to; at += 16) {
      a ^= scrambledA(word(bytes, at));
      a = Math.imul(rotated(a, 19) + b, 5) + 0x561ccd1b;
      b ^= scrambledB(word(bytes, at + 4));
      b = Math.imul(rotated(b, 17) + c, 5) + 0x0bcaa747;
      c ^= scrambledC(word(bytes, at + 8));
      c = Math.imul(rotated(c, 15) + d, 5) + 0x96cd1c35;
      d ^= scrambledD(word(bytes, at + 12));
      d = Math.imul(rotated(d, 13) + a, 5) + 0x32ac3b17;
    }
    if (at < to) {
      a ^= scrambledA(rest(bytes, at, to));
      b ^= scrambledB(rest(bytes, at + 4, to));
      c ^= scrambledC(rest(bytes, at + 8, to));
      d ^= scrambledD(rest(bytes, at + 12, to));
    }
    const length = to - from;
    this.#finish(a ^ length, b ^ length, c ^ length, d ^ length);
  }

  #finish(first: number, b: number, c: number, d: number): void {
    const a = (first + b + c + d) | 0;
    const mixedB = fmix32(b + a);
    const mixedC = fmix32(c + a);
    const mixedD = fmix32(d + a);
    this.a = (fmix32(a) + mixedB + mixedC + mixedD) | 0;
    this.b = (mixedB + this.a) | 0;
    this.c = (mixedC + this.a) | 0;
    this.d = (mixedD + this.a) | 0;
  }
}

/** MurmurHash3's 32-bit finaliser, as a signed number. */
export function fmix32(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function scrambledA(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0x239b961b), 15), 0xab0e9789);
}

function scrambledB(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0xab0e9789), 16), 0x38b34ae5);
}

function scrambledC(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0x38b34ae5), 17), 0xa1e38b93);
}

function scrambledD(word: number): number {
  return Math.imul(rotated(Math.imul(word, 0xa1e38b93), 18), 0x239b961b);
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Four bytes, little-endian. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** As `word`, with zeros from `to` on. */
function rest(bytes: Uint8Array, at: number, to: number): number {
  let value = 0;
  for (let i = 0; i < 4 && at + i < to; i += 1) value |= bytes[at + i] << (8 * i);
  return value;
}
