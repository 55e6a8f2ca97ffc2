import type { Warmed } from '../load/warm-up.ts';
import { RunTime } from './run-time.ts';

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
