/**
 * The wait of requests, by turns of the event loop: all that are answered in one turn were there when it began, and
 * arrived during the previous turn, unless the loop was idle in between. Hot path: one clock read a request.
 */
export class TurnTime {
  /** Of the present turn. */
  number = 0;
  /** When the last look was, monotonic ms. */
  now = Number.NaN;
  /** From the beginning of the turn to the last look, ms: what a request that is answered then has waited at least. */
  elapsedMs = 0;
  /** How long the turn before took, with all that was done in it and after it, ms; 0 where the loop was idle after it. */
  beforeMs = 0;
  #open = false;
  #began = Number.NaN;
  /** How long the loop has been idle by the beginning of the turn. */
  #idleMs = Number.NEGATIVE_INFINITY;

  /** Looks at the clock; a turn begins with the first look in it. */
  look(): this {
    this.now = performance.now();
    if (!this.#open) this.#begin(this.now);
    this.elapsedMs = this.now - this.#began;
    return this;
  }

  #begin(now: number): void {
    const { idleTime } = performance.nodeTiming;
    this.beforeMs = idleTime - this.#idleMs > A_LOOK_MS ? 0 : now - this.#began;
    this.number += 1;
    this.#idleMs = idleTime;
    this.#began = now;
    this.#open = true;
    setImmediate(this.#end);
  }

  readonly #end = (): void => {
    this.#open = false;
  };
}

/** Time of a poll for arrived data, ms: it is no idleness. */
const A_LOOK_MS = 0.1;
