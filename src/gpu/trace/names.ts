/**
 * Hot path. Interned names of a trace: bytes in, small whole numbers out; a text is created only on request. Both
 * the bytes and the number of names are bounded: later names share the name `(too many names)`.
 */
export class Names {
  readonly #maxNames: number;
  readonly #maxBytes: number;
  #table = new Int32Array(1 << 12).fill(-1);
  #hashes = new Int32Array(1 << 11);
  #starts = new Int32Array(1 << 11);
  #arena = new Uint8Array(1 << 18);
  #used = 0;
  #count = 0;
  #texts: (string | undefined)[] = [];
  /** Names that were not kept because a bound was reached. */
  dropped = 0;

  constructor({ maxNames = 1_000_000, maxBytes = 128 * 2 ** 20 } = {}) {
    this.#maxNames = maxNames;
    this.#maxBytes = maxBytes;
    this.of('');
    this.of('(too many names)');
  }

  get count(): number {
    return this.#count;
  }

  /** The number of a text. */
  of(text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.intern(bytes, 0, bytes.length);
  }

  /**
   * The number of the bytes from `start` to `end`, as they stand between the quotes of the JSON text. `guess`, the number of
   * a name that they may well be, saves hashing them if they are.
   */
  intern(bytes: Uint8Array, start: number, end: number, guess = -1): number {
    if (guess >= 0 && this.#equal(guess, bytes, start, end)) return guess;
    const hash = hashOf(bytes, start, end);
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.#table[slot];
      if (id === -1) return this.#add(bytes, start, end, hash, slot);
      if (this.#hashes[id] === hash && this.#equal(id, bytes, start, end)) return id;
      slot = (slot + 1) & mask;
    }
  }

  /** The text of a number: JSON escapes resolved where they are valid, invalid UTF-8 replaced. */
  text(id: number): string {
    if (id < 0 || id >= this.#count) return '';
    const known = this.#texts[id];
    if (known !== undefined) return known;
    const raw = new TextDecoder().decode(this.#arena.subarray(this.#starts[id], this.#starts[id + 1]));
    const text = raw.includes('\\') ? unescapeText(raw) : raw;
    this.#texts[id] = text;
    return text;
  }

  /** A test of names by their numbers; each name is looked at once. */
  tester(pattern: RegExp): (id: number) => boolean {
    const known = new Int8Array(this.#count);
    return (id) => {
      if (known[id] === 0) known[id] = pattern.test(this.text(id)) ? 1 : -1;
      return known[id] === 1;
    };
  }

  #equal(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id];
    const length = this.#starts[id + 1] - from;
    if (length !== end - start) return false;
    const arena = this.#arena;
    for (let index = 0; index < length; index += 1) if (arena[from + index] !== bytes[start + index]) return false;
    return true;
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const length = end - start;
    if (this.#count >= this.#maxNames || this.#used + length > this.#maxBytes) {
      this.dropped += 1;
      return 1;
    }
    if (this.#used + length > this.#arena.length) {
      const grown = new Uint8Array(Math.max(this.#arena.length * 2, this.#used + length));
      grown.set(this.#arena.subarray(0, this.#used));
      this.#arena = grown;
    }
    const id = this.#count;
    if (id + 2 > this.#starts.length) {
      this.#starts = grow(this.#starts, Int32Array);
      this.#hashes = grow(this.#hashes, Int32Array);
    }
    this.#arena.set(bytes.subarray(start, end), this.#used);
    this.#starts[id] = this.#used;
    this.#used += length;
    this.#starts[id + 1] = this.#used;
    this.#hashes[id] = hash;
    this.#table[slot] = id;
    this.#count += 1;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2).fill(-1);
    const mask = table.length - 1;
    for (let id = 0; id < this.#count; id += 1) {
      let slot = this.#hashes[id] & mask;
      while (table[slot] !== -1) slot = (slot + 1) & mask;
      table[slot] = id;
    }
    this.#table = table;
  }
}

/** Four bytes at a time; each step mixes the high bits, which a product leaves alone, into the low ones. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  let at = start;
  for (; at + 3 < end; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ bytes[at], 16_777_619);
  return hash ^ (hash >>> 15);
}

/** The same array with room for half as many again; the memory of the old one is taken over where it can be. */
export function grow<
  T extends Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
>(array: T, Kind: new (buffer: ArrayBuffer) => T): T {
  const length = Math.ceil(array.length * 1.5);
  return new Kind(array.buffer.transfer(length * array.BYTES_PER_ELEMENT));
}

function unescapeText(raw: string): string {
  try {
    const value: unknown = JSON.parse(`"${raw}"`);
    return typeof value === 'string' ? value : raw;
  } catch {
    return raw;
  }
}
