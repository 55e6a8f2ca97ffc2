/** Rows that a process hands over at once. */
export interface HandedBatch {
  /** No other batch has the same. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/**
 * The way of rows from processes that only read to the one that writes.
 *
 * 1. A batch that `push` took is in every `peek` until it is dropped, oldest first, whoever dies.
 * 2. `push` answers false and takes nothing where `MOST_HANDED` batches wait.
 * 3. `drop` removes the oldest batches, as many as are named; one process drops.
 */
export interface HandOver {
  push(batch: HandedBatch): Promise<boolean>;
  peek(most: number): Promise<readonly HandedBatch[]>;
  drop(ids: readonly string[]): Promise<void>;
}

/** Batches that wait for the process that writes, at most. */
export const MOST_HANDED = 4_096;
