/**
 * MD5 (RFC 1321) of a text's UTF-8 bytes: a portable hash that SQL engines have, not a safeguard. Hot path.
 */
const encoder = new TextEncoder();

/** Bytes of one message, padded; grows to the longest. */
let bytes = new Uint8Array(256);
let view = new DataView(bytes.buffer);
const state = new Int32Array(4);
const words = new Int32Array(16);

/** Left rotations of the four rounds (RFC 1321, section 3.4). */
const ROTATIONS = Uint8Array.from(
  [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
  ].flatMap((round) => [round, round, round, round].flat()),
);

/** floor(2^32 · |sin(i + 1)|) (RFC 1321, section 3.4). */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

/** The hash as 32 hexadecimal digits, as SQL's MD5 writes it. */
export function md5Hex(text: string): string {
  return md5Words(text)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('');
}

/** The hash as four unsigned words, each with its first byte highest. */
export function md5Words(text: string): readonly [number, number, number, number] {
  const length = load(text);
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  for (let at = 0; at < length; at += 64) addBlock(at);
  return [swapped(state[0]), swapped(state[1]), swapped(state[2]), swapped(state[3])];
}

/** Puts the padded message into `bytes`; gives its length. */
function load(text: string): number {
  if (text.length * 3 + 72 > bytes.length) {
    bytes = new Uint8Array(text.length * 4 + 72);
    view = new DataView(bytes.buffer);
  }
  const { written } = encoder.encodeInto(text, bytes);
  const length = (((written + 8) >>> 6) + 1) << 6;
  bytes.fill(0, written, length);
  bytes[written] = 0x80;
  view.setUint32(length - 8, (written << 3) >>> 0, true);
  view.setUint32(length - 4, Math.floor(written / 2 ** 29), true);
  return length;
}

function addBlock(at: number): void {
  for (let i = 0; i < 16; i += 1) words[i] = view.getInt32(at + 4 * i, true);
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  for (let i = 0; i < 64; i += 1) {
    const sum = (a + mixed(i, b, c, d) + SINES[i] + words[wordOf(i)]) | 0;
    const rotation = ROTATIONS[i];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << rotation) | (sum >>> (32 - rotation)))) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

function mixed(i: number, b: number, c: number, d: number): number {
  if (i < 16) return (b & c) | (~b & d);
  if (i < 32) return (d & b) | (~d & c);
  return i < 48 ? b ^ c ^ d : c ^ (b | ~d);
}

function wordOf(i: number): number {
  if (i < 16) return i;
  if (i < 32) return (5 * i + 1) & 15;
  return i < 48 ? (3 * i + 5) & 15 : (7 * i) & 15;
}

/** The bytes of a word in reverse, unsigned. */
function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
