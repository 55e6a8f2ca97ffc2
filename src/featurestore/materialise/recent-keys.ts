import { fnv1a32 } from '../../base/hash/fnv.ts';

/** Keys that are remembered, at most. */
const SLOTS = 65_536;

/**
 * The keys that were read last, by a hash: a key that was not read among the last 65,536 different ones, about, is not worth
 * its memory. Two keys may be taken for one another, which costs or saves one load. Hot path: allocates nothing.
 */
export class RecentKeys {
  readonly #slots = new Uint32Array(SLOTS);

  /** Whether a key of a view, by its number, was read lately; it was from now on. */
  isAgain(view: number, key: string): boolean {
    const hash = Math.imul(fnv1a32(key) + view, 0x9e3779b1) >>> 0;
    const slot = hash % SLOTS;
    if (this.#slots[slot] === hash) return true;
    this.#slots[slot] = hash;
    return false;
  }
}
