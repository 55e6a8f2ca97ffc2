/** Bookkeeping of a {@link KeyBudget} for a key in memory. */
export interface Weighed<E extends Weighed<E>> {
  /** The budget that it is in; null: it has left the memory. */
  budget: KeyBudget<E> | null;
  bytes: number;
  /** Why it may not leave: it is changed, on its way to the store, or wanted by a read that waits. 0: it may. */
  busy: number;
  older: E | null;
  newer: E | null;
  /** Called once when it leaves to make room. */
  readonly left: (entry: E) => void;
  /** How much had come into memory when its numbers were placed. */
  placedAt: number;
  /** How much had come into memory when it took its place in the order of use. */
  usedAt: number;
}

/**
 * A budget in bytes over keys in memory. Clean keys are a list from the one used longest ago to the one used last. An
 * entry that comes or grows evicts the first ones until the rest fits. Busy keys are counted and stay. Hot path.
 */
export class KeyBudget<E extends Weighed<E>> {
  /** The most bytes; what is busy may be more. */
  maxBytes: number;
  /** Bytes of all keys. */
  bytes = 0;
  /** Bytes of busy keys among them. */
  busyBytes = 0;
  /** Busy keys. */
  busyKeys = 0;
  keys = 0;
  /** Keys that left to make room. */
  evicted = 0;
  /** Bytes that ever came. */
  #come = 0;
  #oldest: E | null = null;
  #newest: E | null = null;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Takes a key; others leave. */
  add(entry: E): void {
    entry.budget = this;
    entry.placedAt = this.#come;
    this.#come += entry.bytes;
    this.bytes += entry.bytes;
    this.keys += 1;
    if (entry.busy === 0) this.#append(entry);
    else this.#count(entry, 1);
    this.#makeRoom(entry);
  }

  /**
   * Notes that a key was used. A key keeps its place until a hundredth of the budget has come since it took it: reads
   * of keys in memory, the common case, write nothing.
   */
  touch(entry: E): void {
    if (this.#come - entry.usedAt <= this.maxBytes / 100 || entry.busy !== 0) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  /** Notes how large a key is now; others leave. */
  weigh(entry: E, bytes: number): void {
    const more = bytes - entry.bytes;
    if (more === 0 || entry.budget !== this) return;
    entry.bytes = bytes;
    this.bytes += more;
    if (entry.busy !== 0) this.busyBytes += more;
    if (more > 0) {
      this.#come += more;
      this.#makeRoom(entry);
    }
  }

  /** A reason more for which a key may not leave. */
  hold(entry: E): void {
    entry.busy += 1;
    if (entry.busy > 1 || entry.budget !== this) return;
    this.#unlink(entry);
    this.#count(entry, 1);
  }

  /** A reason less. */
  release(entry: E): void {
    entry.busy -= 1;
    if (entry.busy > 0 || entry.budget !== this) return;
    this.#count(entry, -1);
    this.#append(entry);
    this.#makeRoom(entry);
  }

  /** Takes a key out, busy or not. */
  drop(entry: E): void {
    if (entry.budget !== this) return;
    if (entry.busy === 0) this.#unlink(entry);
    else this.#count(entry, -1);
    entry.budget = null;
    this.bytes -= entry.bytes;
    this.keys -= 1;
  }

  /**
   * Whether a key's numbers share a slab with keys that have mostly been evicted: small runs share slabs, which are
   * free when all of them are. A caller that moves them calls {@link placed}.
   */
  isStale(entry: E): boolean {
    return this.#come - entry.placedAt > this.maxBytes / 4;
  }

  placed(entry: E): void {
    entry.placedAt = this.#come;
  }

  /** Counts a key that has become busy, by 1, or is so no longer, by -1. */
  #count({ bytes }: E, by: 1 | -1): void {
    this.busyBytes += by * bytes;
    this.busyKeys += by;
  }

  /** Makes the keys leave that were used longest ago, but `kept`, until the rest fits. */
  #makeRoom(kept: E): void {
    while (this.bytes > this.maxBytes) {
      const entry = this.#oldest === kept ? kept.newer : this.#oldest;
      if (entry === null) return;
      this.drop(entry);
      this.evicted += 1;
      entry.left(entry);
    }
  }

  #append(entry: E): void {
    entry.usedAt = this.#come;
    entry.older = this.#newest;
    entry.newer = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: E): void {
    if (entry.older === null) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === null) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = null;
    entry.newer = null;
  }
}
