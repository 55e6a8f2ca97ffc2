/** How far one run moves the estimate. */
const STEP = 1.1;

/** The estimate differs from that of the load by no more than this factor. */
const MOST = 1e6;

/** A run that took no time at all was timed too coarsely, ms. */
const LEAST_MS = 0.001;

/**
 * The time of a model's runs: first as measured when it was warmed, then as its runs show. The factor between the two follows the
 * median of the runs, so that a few that were interrupted change nothing.
 */
export class RunTime {
  readonly #msARun: number;
  readonly #msARow: number;
  #factor = 1;

  /** The time of a run of one row, and of each further row, ms. */
  constructor({ msARun, msARow }: { readonly msARun: number; readonly msARow: number }) {
    this.#msARun = msARun;
    this.#msARow = msARow;
  }

  /** A run of one row, ms. */
  get msARun(): number {
    return this.#msARun * this.#factor;
  }

  /** Each further row of a run, ms. */
  get msARow(): number {
    return this.#msARow * this.#factor;
  }

  /** Notes a run. Hot path. */
  ran(rows: number, ms: number): void {
    const expected = Math.max(LEAST_MS, this.#msARun + this.#msARow * Math.max(0, rows - 1)) * this.#factor;
    this.#factor = ms > expected ? Math.min(MOST, this.#factor * STEP) : Math.max(1 / MOST, this.#factor / STEP);
  }

  /** Whether nearly all runs are above, or below, what a place is for; a model that was not timed is nowhere wrong. */
  isAbove(ms: number): boolean {
    return Math.max(LEAST_MS, this.#msARun) * this.#factor > ms;
  }
}
