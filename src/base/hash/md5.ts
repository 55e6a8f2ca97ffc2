/** MD5 (RFC 1321) of a text's UTF-8 bytes as its 16 bytes: a portable hash that SQL engines have, not a safeguard. */
export function md5(text: string): Uint8Array {
  const message = padded(new TextEncoder().encode(text));
  const words = new Uint32Array(message.buffer);
  const state = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  for (let block = 0; block < words.length; block += 16) addBlock(state, words, block);
  return new Uint8Array(state.buffer);
}

/** Left rotations of the four rounds (RFC 1321, section 3.4). */
const ROTATIONS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
].flatMap((round) => [round, round, round, round].flat());

/** floor(2^32 · |sin(i + 1)|) (RFC 1321, section 3.4). */
const SINES = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

function padded(bytes: Uint8Array): Uint8Array {
  const length = (((bytes.length + 8) >>> 6) + 1) << 6;
  const message = new Uint8Array(length);
  message.set(bytes);
  message[bytes.length] = 0x80;
  const view = new DataView(message.buffer);
  view.setUint32(length - 8, bytes.length << 3, true);
  view.setUint32(length - 4, Math.floor(bytes.length / 2 ** 29), true);
  return message;
}

function addBlock(state: Uint32Array, words: Uint32Array, block: number): void {
  let [a, b, c, d] = state;
  for (let i = 0; i < 64; i += 1) {
    const round = i >> 4;
    let mixed: number;
    let word: number;
    if (round === 0) {
      mixed = (b & c) | (~b & d);
      word = i;
    } else if (round === 1) {
      mixed = (d & b) | (~d & c);
      word = (5 * i + 1) & 15;
    } else if (round === 2) {
      mixed = b ^ c ^ d;
      word = (3 * i + 5) & 15;
    } else {
      mixed = c ^ (b | ~d);
      word = (7 * i) & 15;
    }
    const sum = (a + mixed + SINES[i] + words[block + word]) | 0;
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
