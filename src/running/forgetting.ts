import { type ForgetOptions, type ForgetReport, forget } from '../operating/forget.ts';

/** Takes entities out of every store, one at a time. */
export class Forgetting {
  readonly #options: ForgetOptions;
  readonly #flush: () => Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ForgetOptions, flush: () => Promise<void>) {
    this.#options = options;
    this.#flush = flush;
  }

  /** Errors: FORGET_*, REQUEST_*, those of the stores. */
  forget(entity: string, key: Readonly<Record<string, unknown>>): Promise<ForgetReport> {
    const turn = this.#turn.then(async () => {
      await this.#flush();
      return forget(this.#options, entity, key);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
