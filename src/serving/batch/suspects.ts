import type { Partition } from './batch-spec.ts';
import type { Rejection, RowRange } from './score-range.ts';

/** How often a row must end a worker, alone in its run, before it is rejected: a worker may be killed by chance. */
const STRIKES = 4;

/**
 * The rows that end workers. A worker that dies or hangs in a run makes the rows of the run suspect: the next attempt runs them in
 * smaller pieces, and so on, until one row is left that ends its worker each time. That row is rejected.
 */
export class Suspects {
  readonly #ranges = new Map<number, RowRange>();
  readonly #strikes = new Map<number, number>();
  readonly #skips = new Map<number, Map<number, Rejection>>();

  /** Rows of the input among which one ended a worker; null: none. */
  rangeOf({ index }: Partition): RowRange | null {
    return this.#ranges.get(index) ?? null;
  }

  /** Rows of the input that are not to be run. */
  skipOf({ index }: Partition): readonly (readonly [number, Rejection])[] {
    return [...(this.#skips.get(index) ?? [])];
  }

  /** Notes that a worker ended in a run. */
  ended({ index }: Partition, run: RowRange, rejection: Rejection): void {
    this.#ranges.set(index, run);
    if (run.to - run.from > 1) return;
    const strikes = (this.#strikes.get(run.from) ?? 0) + 1;
    this.#strikes.set(run.from, strikes);
    if (strikes < STRIKES) return;
    const skips = this.#skips.get(index) ?? new Map<number, Rejection>();
    this.#skips.set(index, skips.set(run.from, rejection));
    this.#ranges.delete(index);
  }

  /** Forgets a partition that is done. */
  done(index: number): void {
    this.#ranges.delete(index);
    this.#skips.delete(index);
  }
}
