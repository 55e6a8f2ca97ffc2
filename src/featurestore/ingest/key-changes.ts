import { fnv1a32Bytes } from '../../base/hash/fnv.ts';

/** An id is remembered while at least this many others come after it, and forgotten after twice as many. */
const REMEMBERED_IDS = 100_000;

const KEYS = 2 ** 32;

/** Of a longer key so much counts. */
const KEY_BYTES = 1_024;

/**
 * Counts ids that come again under another partition or key of a topic: which of their deliveries is taken first is then a
 * matter of time, no longer of the topic. Looks back over the last 100,000 to 200,000 ids; of keys it keeps 32 bits, so that
 * one change in four billion goes unnoticed.
 */
export class KeyChanges {
  readonly #remembered: number;
  #newer = new Map<string, number>();
  #older = new Map<string, number>();
  #count = 0;

  constructor(remembered = REMEMBERED_IDS) {
    this.#remembered = remembered;
  }

  get count(): number {
    return this.#count;
  }

  /** Notes a delivery of an id; says whether its last one had another partition or key. */
  add(id: string, partition: number, key: Uint8Array | null): boolean {
    const place = partition * KEYS + (key === null ? 0 : fnv1a32Bytes(key.subarray(0, KEY_BYTES)));
    const before = this.#newer.get(id) ?? this.#older.get(id);
    this.#newer.set(id, place);
    if (this.#newer.size >= this.#remembered) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    if (before === undefined || before === place) return false;
    this.#count += 1;
    return true;
  }
}
