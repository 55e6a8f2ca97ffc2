/** Counts the calls that use something, so that it is freed after the last of them. */
export class LaneUses {
  #count = 0;
  #idle: (() => void) | null = null;

  get isBusy(): boolean {
    return this.#count > 0;
  }

  /** Does work of a call. Errors: those of the work. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) this.#idle?.();
    }
  }

  /** Ends when no call uses it. Ask once, when no new call can begin. */
  async ended(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }
}
