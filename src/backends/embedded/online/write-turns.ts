import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { CommitThread, StoreDone, StoreOrder } from './commit-thread.ts';
import { dropSome } from './drop-tiles.ts';
import type { Entries, KeySpan } from './entries.ts';

/** Entries that are dropped faster than a thread is started for them. */
export const FEW_ENTRIES = 500;

/** Writes of this thread and orders to the commit thread, one after the other. */
export class WriteTurns {
  readonly #entries: Entries;
  readonly #thread: CommitThread;
  /** A commit that the thread writes; until it is over, other writes wait for it. */
  #writing: Promise<unknown> | null = null;

  constructor(entries: Entries, thread: CommitThread) {
    this.#entries = entries;
    this.#thread = thread;
  }

  get isThreadRunning(): boolean {
    return this.#thread.isRunning;
  }

  /** Writes at once, or after the commit that is on its way: LMDB would keep this thread waiting for it. */
  write<T>(work: () => T): MaybePromise<T> {
    return this.#writing === null ? work() : this.#writing.then(() => this.write(work));
  }

  /** Lets the thread write, after the commit that is on its way. */
  async inThread(order: StoreOrder): Promise<StoreDone> {
    while (this.#writing !== null) await this.#writing;
    const written = this.#thread.write(order);
    this.#writing = written
      .catch(() => undefined)
      .then(() => {
        this.#writing = null;
        this.#entries.refresh();
      });
    await this.#writing;
    return written;
  }

  /** Drops all entries of a span, in steps: commits come in between. */
  dropSpan(span: KeySpan, signal?: AbortSignal): MaybePromise<void> {
    if (this.#thread.isRunning) return this.#dropRest(span, signal);
    const first = this.write(() => dropSome(this.#entries, span, FEW_ENTRIES));
    if (first instanceof Promise) return first.then((hasMore) => (hasMore ? this.#dropRest(span, signal) : undefined));
    return first ? this.#dropRest(span, signal) : undefined;
  }

  async #dropRest(span: KeySpan, signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true && (await this.inThread({ kind: 'drop', span })).hasMore);
  }

  /** Ends the thread after the commit that is on its way. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#thread.close();
  }
}
