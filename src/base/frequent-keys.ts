import { fnv1a32 } from './hash/fnv.ts';

/** The fewest keys of a memory that the counts are made for. */
const LEAST_KEYS = 32_768;

/** The fewest keys of a full memory whose counts age with them. */
const LEAST_HELD = 1_024;

/** Counts for each of these keys: few keys share one. */
const COUNTS_PER_KEY = 8;

/** Reads of a key that is worth memory while there is room, and once others have to leave for it. */
const READS_WITH_ROOM = 2;
const READS_WHEN_FULL = 4;

/**
 * Counts the reads of keys that are not in memory, by a hash, to say which of them are worth it. Once the memory is full, a key
 * must be read four times while twice as many reads pass as it has keys. So keys that are drawn evenly from many do not drive one
 * another out. Two keys may be taken for one another, which costs or saves one load. Hot path: allocates nothing.
 */
export class FrequentKeys {
  #counts = new Uint8Array(COUNTS_PER_KEY * LEAST_KEYS);
  #reads = 0;

  /** Bytes of the counts. */
  get bytes(): number {
    return this.#counts.length;
  }

  /**
   * Counts a read of a key of a view, by its number; whether the key is worth memory. `held`: the keys that a full memory has; 0
   * where there is room.
   */
  isFrequent(view: number, key: string, held: number): boolean {
    this.#reads += 1;
    // A small memory that is full ages its counts as fast as its keys.
    if (this.#reads > 2 * Math.max(held, held === 0 ? LEAST_KEYS : LEAST_HELD)) this.#age(held);
    const counts = this.#counts;
    const slot = (Math.imul(fnv1a32(key) + view, 0x9e3779b1) >>> 0) % counts.length;
    if (counts[slot] < READS_WHEN_FULL) counts[slot] += 1;
    return counts[slot] >= (held === 0 ? READS_WITH_ROOM : READS_WHEN_FULL);
  }

  /** Halves all counts; begins with more of them where the memory has more keys. */
  #age(held: number): void {
    this.#reads = 0;
    const wanted = COUNTS_PER_KEY * held;
    if (wanted > this.#counts.length) this.#counts = new Uint8Array(2 ** Math.ceil(Math.log2(wanted)));
    else for (let i = 0; i < this.#counts.length; i += 1) this.#counts[i] >>>= 1;
  }
}
