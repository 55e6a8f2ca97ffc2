/** Bits for each key of a full layer: with four hashes it is wrong once in eighty. */
const BITS_PER_KEY = 10;
const HASHES = 4;

/** Bits of the smallest layer, and of the largest. */
const LEAST_BITS = 2 ** 17;
const MOST_BITS = 2 ** 30;

/** A layer has this many times the bits of the previous one. */
const GROWTH = 4;

/** A Bloom filter of one size; bits are a power of two. */
export interface FilterLayer {
  readonly bits: Uint8Array<ArrayBuffer>;
  readonly most: number;
  keys: number;
}

/**
 * Says of a key, by the bytes that stand for it in its entries, whether the store may have any of it: Bloom filters, each four times as
 * large as the one before that is full, so that their size follows the number of keys. It never denies an entry that exists. Hot path.
 */
export class KeyFilter {
  readonly #layers: FilterLayer[] = [];

  /** `keys` are about as many as will come. */
  constructor(keys = 0) {
    let bits = LEAST_BITS;
    while (bits < keys * BITS_PER_KEY && bits < MOST_BITS) bits *= 2;
    this.#layers.push(newLayer(bits));
  }

  get bytes(): number {
    return this.#layers.reduce((bytes, { bits }) => bytes + bits.length, 0);
  }

  /** The layers, for transfer to another thread. */
  get layers(): readonly FilterLayer[] {
    return this.#layers;
  }

  /** Notes a key, by the bytes that stand for it in all its entries. */
  add(bytes: Uint8Array): void {
    const hash = hashOf(bytes);
    if (this.#has(hash)) return;
    let last = this.#layers[this.#layers.length - 1];
    if (last.keys >= last.most && last.bits.length * 8 < MOST_BITS) {
      last = newLayer(Math.min(MOST_BITS, last.bits.length * 8 * GROWTH));
      this.#layers.push(last);
    }
    last.keys += 1;
    const step = stepOf(hash);
    const mask = last.bits.length * 8 - 1;
    for (let i = 0, at = hash; i < HASHES; i += 1, at = (at + step) | 0) last.bits[(at & mask) >>> 3] |= 1 << (at & 7);
  }

  mayHave(bytes: Uint8Array): boolean {
    return this.#has(hashOf(bytes));
  }

  /** Takes the keys of another filter over. */
  absorb(layers: readonly FilterLayer[]): void {
    // New keys go into the last one.
    this.#layers.unshift(...layers);
    const last = this.#layers.length - 1;
    const largest = this.#layers.reduce((at, { bits }, i) => (bits.length > this.#layers[at].bits.length ? i : at), 0);
    const [layer] = this.#layers.splice(largest, 1);
    this.#layers.splice(last, 0, layer);
  }

  #has(hash: number): boolean {
    const step = stepOf(hash);
    for (let l = this.#layers.length - 1; l >= 0; l -= 1) {
      const { bits } = this.#layers[l];
      const mask = bits.length * 8 - 1;
      let i = 0;
      for (let at = hash; i < HASHES && (bits[(at & mask) >>> 3] & (1 << (at & 7))) !== 0; i += 1) at = (at + step) | 0;
      if (i === HASHES) return true;
    }
    return false;
  }
}

function newLayer(bits: number): FilterLayer {
  return { bits: new Uint8Array(bits / 8), most: Math.floor(bits / BITS_PER_KEY), keys: 0 };
}

/** FNV-1a of bytes, mixed once more: its upper bits serve as well as its lower ones. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** How far the bits of a key are apart: odd. */
function stepOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 16), 0x297a2d39) | 1;
}
