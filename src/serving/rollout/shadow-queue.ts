/** Copies that may wait; more are dropped. */
const MOST_WAITING = 1_024;

/** Copies of one run: a caller waits for one such run at most, where runs share its thread. */
const ROWS_A_RUN = 16;

/** Share of the time that the shadow may take. */
const MOST_SHARE = 0.1;

export interface ShadowQueueOptions<T> {
  /** Scores copies; never throws. */
  readonly run: (copies: readonly T[]) => Promise<void>;
  /** Whether a caller's prediction is under way: the shadow waits a little for it. */
  readonly isBusy: () => boolean;
  readonly monotonic: () => number;
}

/** Turns that the shadow waits for callers before it runs at the same time. */
const MOST_TURNS = 8;

/**
 * Copies of requests that wait for the candidate, after their callers have been answered. The queue is bounded and the
 * first to be dropped from; runs are small, wait for callers, and take at most a tenth of the time.
 */
export class ShadowQueue<T> {
  readonly #options: ShadowQueueOptions<T>;
  #waiting: T[] = [];
  #draining: Promise<void> | null = null;

  constructor(options: ShadowQueueOptions<T>) {
    this.#options = options;
  }

  /** Takes copies as far as there is room; returns how many were dropped. */
  offer(copies: readonly T[]): number {
    const room = Math.max(0, MOST_WAITING - this.#waiting.length);
    const taken = copies.slice(0, room);
    this.#waiting.push(...taken);
    if (taken.length > 0) this.#draining ??= this.#drain();
    return copies.length - taken.length;
  }

  /** Drops waiting requests; resolves when nothing runs. */
  async clear(): Promise<void> {
    this.#waiting = [];
    await this.#draining;
  }

  /** Ends when nothing waits. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    const { run, isBusy, monotonic } = this.#options;
    while (this.#waiting.length > 0) {
      for (let turn = 0; turn < MOST_TURNS && isBusy(); turn += 1) await pause(0);
      const from = monotonic();
      await run(this.#waiting.splice(0, ROWS_A_RUN));
      await pause(((monotonic() - from) * (1 - MOST_SHARE)) / MOST_SHARE);
    }
    this.#draining = null;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
