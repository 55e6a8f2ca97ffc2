import type { Partition } from './batch-spec.ts';

/**
 * The partitions that wait, in one run of neighbours for each worker, so that a worker reads one stretch of the file. A worker
 * that has none left takes the second half of the longest run.
 */
export class WorkQueue {
  readonly #runs: Partition[][];

  constructor(partitions: readonly Partition[], workers: number) {
    const each = Math.ceil(partitions.length / workers);
    this.#runs = Array.from({ length: workers }, (_, i) => partitions.slice(i * each, (i + 1) * each));
  }

  /** The next partition of a worker; undefined: none waits. */
  take(worker: number): Partition | undefined {
    if (this.#runs[worker].length === 0) this.#steal(worker);
    return this.#runs[worker].shift();
  }

  /** Puts a partition back, to be taken next. */
  putBack(worker: number, partition: Partition): void {
    this.#runs[worker].unshift(partition);
  }

  #steal(worker: number): void {
    const longest = this.#runs.reduce((a, b) => (b.length > a.length ? b : a));
    this.#runs[worker] = longest.splice(Math.floor(longest.length / 2));
  }
}
