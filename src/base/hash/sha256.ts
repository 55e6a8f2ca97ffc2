/** SHA-256 (FIPS 180-4): the name of a content, the same wherever it is computed. */

/** Fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
const ROUNDS = primes(64).map((prime) => fraction(Math.cbrt(prime)));

/** Fractional parts of the square roots of the first 8 primes (FIPS 180-4, section 5.3.3). */
const START = primes(8).map((prime) => fraction(Math.sqrt(prime)));

/** The hash of bytes, or of a text's UTF-8 bytes, as 64 hexadecimal digits. */
export function sha256Hex(content: string | Uint8Array): string {
  const message = padded(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  const state = Int32Array.from(START);
  const words = new Int32Array(64);
  for (let at = 0; at < message.byteLength; at += 64) addBlock(state, words, message, at);
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** The message, a one bit, zeros, and its length in bits, together whole blocks of 64 bytes (section 5.1.1). */
function padded(content: Uint8Array): DataView {
  const bytes = new Uint8Array(Math.ceil((content.length + 9) / 64) * 64);
  bytes.set(content);
  bytes[content.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setBigUint64(bytes.length - 8, BigInt(content.length) * 8n);
  return view;
}

/** One step of the hash (section 6.2.2). */
function addBlock(state: Int32Array, words: Int32Array, message: DataView, at: number): void {
  schedule(words, message, at);
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choice + ROUNDS[i] + words[i]) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + majority) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] += word;
  });
}

function schedule(words: Int32Array, message: DataView, at: number): void {
  for (let i = 0; i < 16; i += 1) words[i] = message.getInt32(at + 4 * i);
  for (let i = 16; i < 64; i += 1) {
    const near = words[i - 2];
    const far = words[i - 15];
    const nearMix = turn(near, 17) ^ turn(near, 19) ^ (near >>> 10);
    const farMix = turn(far, 7) ^ turn(far, 18) ^ (far >>> 3);
    words[i] = nearMix + words[i - 7] + farMix + words[i - 16];
  }
}

/** Rotates right. */
function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The first 32 bits behind the point. */
function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32) | 0;
}

function primes(count: number): readonly number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}
