/**
 * How long the request that is answered now has waited, as the turns of the event loop tell: all that are answered in one turn
 * were there when it began, and arrived while the turn before went on, unless the loop was idle in between. Requests are answered
 * in the order in which they arrived, so that the longer of the two is what one waited: the first of a turn the
 * whole turn before, the last the whole of this one. Hot path: one clock read a request.
 */
export class TurnTime {
  /** When the last look was, monotonic ms. */
  now = Number.NaN;
  #open = false;
  #began = Number.NaN;
  #beforeMs = 0;
  /** How long the loop has been idle by the beginning of the turn. */
  #idleMs = Number.NEGATIVE_INFINITY;

  /** ms that a request has waited. */
  waitedMs(): number {
    const now = performance.now();
    this.now = now;
    if (!this.#open) this.#begin(now);
    return Math.max(this.#beforeMs, now - this.#began);
  }

  #begin(now: number): void {
    const { idleTime } = performance.nodeTiming;
    const wasIdle = idleTime - this.#idleMs > A_LOOK_MS;
    this.#beforeMs = wasIdle ? 0 : now - this.#began;
    this.#idleMs = idleTime;
    this.#began = now;
    this.#open = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#open = false;
  };
}

/** To ask for what has arrived takes up to so long, and is no idleness, ms. */
const A_LOOK_MS = 0.1;
