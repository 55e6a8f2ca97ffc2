/**
 * Runs one piece of work at a time in the background. Nobody waits for the piece itself, so the next call of `check`
 * throws its error.
 */
export class Background {
  #under: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** Whether a piece is running. */
  get busy(): boolean {
    return this.#under !== null;
  }

  /** Starts a piece of work, unless one is running. */
  start(work: () => Promise<void>): void {
    if (this.#under !== null) return;
    this.#under = work()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#under = null;
      });
  }

  /** Whether the last piece of work failed, and nobody has seen the error. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Ends when nothing is running, also after a failure, which `check` still throws. */
  async ended(): Promise<void> {
    await this.#under;
  }

  /** Throws the error since the last call, if there is one. */
  check(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  /** Ends when nothing is running; throws the error, if there is one. */
  async settled(): Promise<void> {
    await this.#under;
    this.check();
  }
}
