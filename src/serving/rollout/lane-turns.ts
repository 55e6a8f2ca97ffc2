/** Work of one call, given when its turn began, by the monotonic clock, ms. */
type Work = (beganAt: number) => Promise<unknown>;

/**
 * Lets the compared lanes take turns: all waiting calls of one lane, then all of the other. A run of a model may block its
 * thread. Were both lanes scored at once, a slow candidate would make its baseline look as slow as itself.
 */
export class LaneTurns {
  readonly #monotonic: () => number;
  readonly #waiting = new Map<string, Work[]>();
  #isRunning = false;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Does the work in the next turn of its lane. Errors: those of the work. */
  take<T>(lane: string, work: (beganAt: number) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting = this.#waiting.get(lane) ?? [];
    waiting.push((beganAt) => work(beganAt).then(resolve, reject));
    this.#waiting.set(lane, waiting);
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Calls of one turn of the event loop are scored in one run.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0) {
      for (const [lane, works] of this.#waiting) {
        this.#waiting.delete(lane);
        const beganAt = this.#monotonic();
        await Promise.all(works.map((work) => work(beganAt)));
      }
    }
    this.#isRunning = false;
  }
}
