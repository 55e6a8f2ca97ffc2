/** An id that waits, and the numbers that are known of it. */
export interface WaitingId {
  readonly id: string;
  /** Index of the span of time in which it ends. */
  readonly bucket: number;
  readonly numbers: Float64Array;
}

/**
 * Ids that wait outside the heap, because memory has no room for them. It answers at once.
 *
 * 1. It is empty when it is opened: whoever uses it can make its content again.
 * 2. An id is there at most once: `put` replaces it.
 * 3. `take` returns an id with the exact numbers that were put, and removes it; null: it is not there.
 * 4. `takeDue` removes and returns at most `most` ids of buckets up to one, those of earlier buckets first.
 * 5. `firstBucket` is the lowest bucket of an id; Infinity: there is none.
 * 6. After an error its content is unknown until `clear` succeeds.
 */
export interface WaitingIds {
  /** Ids in it. */
  readonly size: number;
  put(ids: readonly WaitingId[]): void;
  take(id: string): WaitingId | null;
  takeDue(bucket: number, most: number): readonly WaitingId[];
  firstBucket(): number;
  clear(): void;
  close(): void;
}
