import type { Murmur128 } from '../../base/hash/murmur3.ts';

/** A slot: three words of the hash, and two of the offset + 2, which are 0 where the slot is free. */
const SLOT_WORDS = 5;
const FIRST_SLOTS = 16;
const MOST_FULL = 0.8;
const GROWTH = 1.5;

/**
 * A map of ids to offsets. It knows an id by 96 bits of its hash: two of a thousand million ids share them with a probability of
 * 10⁻¹¹. An id takes about 30 bytes. Divided into 256 by the other bits, the tables grow at different times, and each moves
 * little. A caller with several maps hashes once. Hot path.
 */
export class IdSet {
  /** Bytes of memory that the ids take. */
  bytes = 0;
  readonly #parts: (Part | undefined)[] = Array.from({ length: 256 }, () => undefined);

  /** The offset that an id was added with; undefined: it is not there. */
  get(id: Murmur128): number | undefined {
    return this.#parts[partOf(id)]?.get(id);
  }

  /** Adds an id that is not there, with an offset from −1 on. */
  add(id: Murmur128, offset: number): void {
    let part = this.#parts[partOf(id)];
    if (part === undefined) {
      part = new Part();
      this.#parts[partOf(id)] = part;
      this.bytes += part.bytes;
    }
    const before = part.bytes;
    part.add(id, offset);
    this.bytes += part.bytes - before;
  }
}

function partOf({ d }: Murmur128): number {
  return d >>> 24;
}

/** A table with open addressing: an id is in the first slots from its own on. */
class Part {
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_SLOTS * SLOT_WORDS);
  #slots = FIRST_SLOTS;
  #ids = 0;

  get bytes(): number {
    return this.#words.byteLength;
  }

  get({ a, b, c }: Murmur128): number | undefined {
    const words = this.#words;
    for (let at = this.#slotOf(a >>> 0); isTaken(words, at); at = this.#after(at))
      if (words[at] === a >>> 0 && words[at + 1] === b >>> 0 && words[at + 2] === c >>> 0) return offsetAt(words, at);
    return undefined;
  }

  add({ a, b, c }: Murmur128, offset: number): void {
    if (this.#ids >= this.#slots * MOST_FULL) this.#grow();
    this.#ids += 1;
    const at = this.#free(a >>> 0);
    const words = this.#words;
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = offset + 2;
    words[at + 4] = (offset + 2) / 2 ** 32;
  }

  #grow(): void {
    const before = this.#words;
    this.#slots = Math.ceil(this.#slots * GROWTH);
    this.#words = new Uint32Array(this.#slots * SLOT_WORDS);
    for (let from = 0; from < before.length; from += SLOT_WORDS) {
      if (!isTaken(before, from)) continue;
      const at = this.#free(before[from]);
      for (let word = 0; word < SLOT_WORDS; word += 1) this.#words[at + word] = before[from + word];
    }
    // The collector would free it much later: tables that grow would leave several times their bytes.
    before.buffer.transfer(0);
  }

  /** The first free slot for a first word of a hash. */
  #free(first: number): number {
    let at = this.#slotOf(first);
    while (isTaken(this.#words, at)) at = this.#after(at);
    return at;
  }

  #slotOf(first: number): number {
    return Math.floor((first / 2 ** 32) * this.#slots) * SLOT_WORDS;
  }

  #after(at: number): number {
    return at + SLOT_WORDS === this.#words.length ? 0 : at + SLOT_WORDS;
  }
}

function isTaken(words: Uint32Array, at: number): boolean {
  return words[at + 3] !== 0 || words[at + 4] !== 0;
}

function offsetAt(words: Uint32Array, at: number): number {
  return words[at + 4] * 2 ** 32 + words[at + 3] - 2;
}
