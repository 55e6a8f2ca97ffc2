/** For so long every request must have waited too long before the first is turned away, ms: a pause makes some wait, no more. */
const PERSISTS_MS = 100;

/** So long after the last that was turned away nobody waits too long, ms: what `retry-after` asks of clients. */
const CALM_AFTER_MS = 1_000;

/**
 * Which requests of a service are answered where more come than can be. Answered in turn, all would wait for all before them, and
 * none be in time; so those that have waited for more than what is allowed are turned away, but only when that has gone
 * on for a while, and then until it has stopped for a while: a burst, or what waits behind a pause, is worked off. (Controlled
 * delay: Nichols and Jacobson, Controlling Queue Delay, ACM Queue 10(5), 2012, with time limits as in Maurer, Fail at Scale, ACM
 * Queue 13(8), 2015.) Hot path.
 */
export class Admission {
  readonly #allowedMs: number;
  readonly #mostWaitMs: number;
  /** Since when all have waited too long; NaN while one has not. */
  #longSince = Number.NaN;
  #strictUntil = Number.NEGATIVE_INFINITY;

  /** Waits up to `allowedMs` are never too long, those beyond `mostWaitMs` always. */
  constructor(allowedMs: number, mostWaitMs: number) {
    this.#allowedMs = allowedMs;
    this.#mostWaitMs = mostWaitMs;
  }

  /** Whether a request that has waited so long by `now`, monotonic ms, is answered. */
  admits(waitedMs: number, now: number): boolean {
    if (waitedMs <= this.#allowedMs) {
      this.#longSince = Number.NaN;
      return true;
    }
    if (Number.isNaN(this.#longSince)) this.#longSince = now;
    const persists = now < this.#strictUntil || now - this.#longSince >= PERSISTS_MS;
    if (waitedMs <= this.#mostWaitMs && !persists) return true;
    if (persists) this.#strictUntil = now + CALM_AFTER_MS;
    return false;
  }
}
