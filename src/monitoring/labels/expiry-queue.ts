/** Parts that the time until something is due is cut into. */
const BUCKETS = 64;

/**
 * Ids by the instant they are due, in buckets: what is due far in the future holds nothing else up, whatever order the ids
 * come in. A bucket ends as a whole, so an id ends at most one 64th of the span late. Hot path.
 */
export class ExpiryQueue {
  readonly #bucketMs: number;
  readonly #buckets = new Map<number, string[]>();
  /** Index of the first bucket. */
  #first = Number.POSITIVE_INFINITY;

  /** `spanMs`: about how long after it is added an id is due. */
  constructor(spanMs: number) {
    this.#bucketMs = Math.max(1, Math.ceil(spanMs / BUCKETS));
  }

  add(id: string, due: number): void {
    const index = Math.floor(due / this.#bucketMs);
    const bucket = this.#buckets.get(index);
    if (bucket !== undefined) {
      bucket.push(id);
      return;
    }
    this.#buckets.set(index, [id]);
    if (index < this.#first) this.#first = index;
  }

  /** Removes the buckets that lie before `now` as a whole and gives their ids to `take`, bucket by bucket. */
  expire(now: number, take: (id: string) => void): void {
    while (this.#first !== Number.POSITIVE_INFINITY && this.#isPast(this.#first, now)) {
      const bucket = this.#buckets.get(this.#first) ?? [];
      this.#buckets.delete(this.#first);
      this.#first = Number.POSITIVE_INFINITY;
      for (const index of this.#buckets.keys()) if (index < this.#first) this.#first = index;
      for (const id of bucket) take(id);
    }
  }

  /** Whether an id that is due then has ended at `now`. */
  isOver(due: number, now: number): boolean {
    return this.#isPast(Math.floor(due / this.#bucketMs), now);
  }

  #isPast(index: number, now: number): boolean {
    return (index + 1) * this.#bucketMs <= now;
  }
}
