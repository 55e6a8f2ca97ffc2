/**
 * How long the present turn of the event loop has taken: what a request that is answered now has waited at least, since all
 * that are answered in one turn were there when it began. Hot path: one clock read a request.
 */
export class TurnTime {
  #began = Number.NaN;

  /** ms since the first call of the turn. */
  elapsedMs(): number {
    const now = performance.now();
    if (Number.isNaN(this.#began)) {
      this.#began = now;
      setImmediate(this.#end);
    }
    return now - this.#began;
  }

  readonly #end = (): void => {
    this.#began = Number.NaN;
  };
}
