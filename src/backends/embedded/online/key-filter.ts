const BITS = 2 ** 24;

/**
 * Says of a key's entries, by the bytes that all of them begin with, whether the store may have any: a Bloom filter of 2 MiB
 * with two hashes. With a million keys it is wrong once in a hundred; with ten millions often, and a look into the
 * store tells. It never denies what there is. Hot path.
 */
export class KeyFilter {
  readonly #bits = new Uint8Array(BITS / 8);

  get bytes(): number {
    return this.#bits.length;
  }

  /** Notes the first `length` bytes of an entry's key. */
  add(bytes: Uint8Array, length: number): void {
    const hash = hashOf(bytes, length);
    const one = hash & (BITS - 1);
    const two = secondOf(hash);
    this.#bits[one >> 3] |= 1 << (one & 7);
    this.#bits[two >> 3] |= 1 << (two & 7);
  }

  mayHave(bytes: Uint8Array): boolean {
    const hash = hashOf(bytes, bytes.length);
    const one = hash & (BITS - 1);
    const two = secondOf(hash);
    return (this.#bits[one >> 3] & (1 << (one & 7))) !== 0 && (this.#bits[two >> 3] & (1 << (two & 7))) !== 0;
  }
}

/** FNV-1a of bytes, mixed once more: its upper bits serve as well as its lower ones. */
function hashOf(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
}

function secondOf(hash: number): number {
  return (Math.imul(hash, 0x297a2d39) >>> 8) & (BITS - 1);
}
