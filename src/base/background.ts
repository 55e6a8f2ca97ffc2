/**
 * Work that goes on behind the calls that ask for it, one piece at a time. What goes wrong is thrown by the next call that
 * asks for it: nobody waits for the piece itself.
 */
export class Background {
  #under: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** Whether a piece is under way. */
  get busy(): boolean {
    return this.#under !== null;
  }

  /** Starts a piece of work unless one is under way. */
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

  /** Throws what went wrong since it was last asked. */
  check(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  /** Ends when nothing is under way; throws what went wrong. */
  async settled(): Promise<void> {
    await this.#under;
    this.check();
  }
}
