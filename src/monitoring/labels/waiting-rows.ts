/** Rows that wait at most; the history has the rest. */
const MOST_WAITING = 20_000;

/** A prediction or a label and its place in the log. */
interface Waiting<T> {
  readonly partition: number;
  readonly offset: number;
  readonly of: T;
}

/**
 * Rows of a topic that wait until those before them are joined from the history. Beyond a bound the oldest are dropped: the history
 * has them.
 */
export class WaitingRows<T> {
  readonly #most: number;
  #rows: Waiting<T>[] = [];
  /** By partition, the offset after the last that was dropped. */
  readonly #dropped: number[] = [];

  constructor(most = MOST_WAITING) {
    this.#most = most;
  }

  get length(): number {
    return this.#rows.length;
  }

  add(partition: number, offset: number, of: T): void {
    if (this.#rows.length >= this.#most) {
      for (const row of this.#rows.splice(0, Math.ceil(this.#most / 2)))
        this.#dropped[row.partition] = Math.max(this.#dropped[row.partition] ?? 0, row.offset + 1);
    }
    this.#rows.push({ partition, offset, of });
  }

  /** Forgets the rows before offsets, by partition. */
  trim(to: readonly number[]): void {
    this.#rows = this.#rows.filter(({ partition, offset }) => offset >= (to[partition] ?? 0));
  }

  /** Whether every row from these offsets on, by partition, is still here. */
  hasAllFrom(to: readonly number[]): boolean {
    return this.#dropped.every((dropped, partition) => dropped <= (to[partition] ?? 0));
  }

  /** Hands over all rows in their order, and has none. */
  drain(): readonly T[] {
    const rows = this.#rows.map(({ of }) => of);
    this.#rows = [];
    return rows;
  }
}
