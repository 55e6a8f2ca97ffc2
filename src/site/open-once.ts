import { type Closing, closingWithin } from '../base/closing.ts';

/** Opens one thing; every call gives the same one. */
export type Opener<T> = () => Promise<T>;

interface Opened {
  readonly name: string;
  readonly close: () => unknown;
}

/** Opens things when they are first asked for, each once, and closes them in the reverse order of their opening. */
export class OpenOnce {
  readonly #opened: Opened[] = [];
  readonly #opening = new Set<Promise<unknown>>();
  #closing: Promise<void> | null = null;

  /** The way to one thing. Calls at the same time share one opening; one that failed is tried again by the next call. */
  opener<T>(name: string, open: () => T | Promise<T>): Opener<T> {
    let found: Promise<T> | null = null;
    return () => {
      if (this.#closing !== null) return Promise.reject(new TypeError(`${name}: asked for after the end`));
      if (found !== null) return found;
      const opening = this.#open(name, open);
      found = opening;
      this.#opening.add(opening);
      const ended = () => this.#opening.delete(opening);
      opening.then(ended, () => {
        ended();
        found = null;
      });
      return opening;
    };
  }

  async #open<T>(name: string, open: () => T | Promise<T>): Promise<T> {
    const thing = await open();
    if (isClosable(thing)) this.#opened.push({ name, close: () => thing.close() });
    return thing;
  }

  /**
   * Closes everything that is open, also where one fails, and waits for what is being opened. A second call ends with the first.
   * With `closing` it never throws; else it throws the first failure.
   */
  close(closing?: Closing): Promise<void> {
    this.#closing ??= this.#close(closing);
    return this.#closing;
  }

  async #close(given?: Closing): Promise<void> {
    const closing = given ?? closingWithin(Number.POSITIVE_INFINITY);
    if (this.#opening.size > 0) await closing.end('what is being opened', () => Promise.allSettled(this.#opening));
    for (const { name, close } of this.#opened.splice(0).reverse()) await closing.end(name, close);
    if (given === undefined && closing.failure !== null) throw closing.failure;
  }
}

function isClosable(thing: unknown): thing is { close(): unknown } {
  return typeof thing === 'object' && thing !== null && 'close' in thing && typeof thing.close === 'function';
}
