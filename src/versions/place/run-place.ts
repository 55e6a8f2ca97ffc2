import type { Warmed } from '../load/warm-up.ts';

/** Where a model runs: on the thread that reads the request, on its own thread, or in a process. */
export type Place = 'here' | 'thread' | 'process' | 'steps';

/** A run on the thread of the requests takes no longer than about this, ms. */
export const SHORT_RUN_MS = 2;

/** A run elsewhere that requests share: whoever comes while it runs waits for its end, ms. */
const SHARED_RUN_MS = 10;

/** The longest run while several tenants ask, as a multiple of the time of one row, or this many ms where that is longer. */
const TENANTS_RUN = 1.5;
const TENANTS_RUN_MS = 0.25;

export interface RunPlaceOptions {
  readonly place: Place;
  readonly warmed: Warmed;
  /** Rows of the largest run. */
  readonly mostRows: number;
  /** Whether the model can run on this thread and on one of its own. */
  readonly canMove: boolean;
}

/** The place of a version's runs, and their length there: first as its warm-up measured, then as its runs show. */
export class RunPlace {
  readonly place: Place;
  readonly #options: RunPlaceOptions;
  readonly #time: RunTime;

  constructor(options: RunPlaceOptions) {
    this.place = options.place;
    this.#options = options;
    this.#time = new RunTime(options.warmed);
  }

  /** Whether its runs take much longer, or much less, than those that the place is for. */
  get isMisplaced(): boolean {
    if (!this.#options.canMove) return false;
    if (this.place === 'here') return this.#time.isAbove(2 * SHORT_RUN_MS);
    return this.place === 'thread' && !this.#time.isAbove(SHORT_RUN_MS / 4);
  }

  /**
   * Rows of one run: as many as are done in a short time, and in a shorter one on the thread of the requests. While several tenants
   * ask, a run takes little longer than one row does: whoever comes waits for its end.
   */
  rowsARun(severalTenants: boolean): number {
    const { warmed, mostRows } = this.#options;
    if (!warmed.joinsRows) return 1;
    const { msARun, msARow } = this.#time;
    if (msARow === 0) return mostRows;
    const usualMs = this.place === 'here' ? SHORT_RUN_MS : SHARED_RUN_MS;
    const longestMs = severalTenants ? Math.min(usualMs, Math.max(TENANTS_RUN_MS, msARun * TENANTS_RUN)) : usualMs;
    return Math.max(1, Math.min(mostRows, Math.floor((longestMs - msARun) / msARow)));
  }

  /** Notes a run. Hot path. */
  ran(rows: number, ms: number): void {
    if (this.#options.canMove) this.#time.ran(rows, ms);
  }
}

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
class RunTime {
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
