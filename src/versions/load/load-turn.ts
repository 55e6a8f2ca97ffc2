/** One load at a time of those that take memory of this process, so that the memory of each can be measured. */
export class LoadTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Does work in its turn. Errors: those of the work. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
