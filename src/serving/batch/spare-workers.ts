/** A job of fewer rows begins with one worker: the start of another costs as much as some ten thousand rows of a small model. */
const FEW_ROWS = 50_000;

/** The others of such a job start where the first one is not done after this time, ms. */
const ALONE_MS = 1_000;

/** Which workers of a job start at once, and which ones wait to see whether they are needed. */
export class SpareWorkers<Worker> {
  readonly first: readonly Worker[];
  #waiting: readonly Worker[];
  /** When the first worker was ready; null: not yet. */
  #readyAt: number | null = null;

  constructor(workers: readonly Worker[], rows: number) {
    const begun = rows < FEW_ROWS ? 1 : workers.length;
    this.first = workers.slice(0, begun);
    this.#waiting = workers.slice(begun);
  }

  /** Notes that a worker has opened its model, ms of a monotonic clock. */
  ready(at: number): void {
    this.#readyAt ??= at;
  }

  /** The workers that start now; each comes once. */
  due(now: number): readonly Worker[] {
    if (this.#readyAt === null || now - this.#readyAt < ALONE_MS) return [];
    const due = this.#waiting;
    this.#waiting = [];
    return due;
  }
}
