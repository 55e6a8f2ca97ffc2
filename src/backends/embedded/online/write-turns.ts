import type { MaybePromise } from '../../../base/maybe-promise.ts';
import type { CommitThread, StoreDone, StoreOrder } from './commit-thread.ts';
import type { Entries, KeySpan } from './entries.ts';
import { type StepOrder, takeStep } from './store-steps.ts';

/** Entries that are looked at faster than a thread is started for them. */
const FEW_ENTRIES = 500;

/** Writes of this thread and orders to the commit thread, one after the other. */
export class WriteTurns {
  readonly #entries: Entries;
  readonly #thread: CommitThread;
  /**
   * A commit that the thread writes, or the check that comes before the first write; until it is over, other writes wait for it. A check
   * that finds damage rejects all of them.
   */
  #busy: Promise<unknown> | null;
  /** Writes that have not ended. */
  readonly #waiting = new Set<Promise<unknown>>();

  /** `mayWrite` resolves when the first write may begin; undefined: at once. */
  constructor(entries: Entries, thread: CommitThread, mayWrite?: Promise<void>) {
    this.#entries = entries;
    this.#thread = thread;
    this.#busy = mayWrite ?? null;
    void mayWrite?.then(() => this.#free(), nothing);
  }

  get isThreadRunning(): boolean {
    return this.#thread.isRunning;
  }

  /** Writes at once, or after the commit that is on its way: LMDB would keep this thread waiting for it. */
  write<T>(work: () => T): MaybePromise<T> {
    return this.#busy === null ? work() : this.#noted(this.#busy.then(() => this.write(work)));
  }

  /** Lets the thread write, after the commit that is on its way. */
  inThread(order: StoreOrder): Promise<StoreDone> {
    return this.#noted(this.#inThread(order));
  }

  async #inThread(order: StoreOrder): Promise<StoreDone> {
    while (this.#busy !== null) await this.#busy;
    const written = this.#thread.write(order);
    this.#busy = written
      .catch(() => undefined)
      .then(() => {
        this.#free();
        this.#entries.refresh();
      });
    await this.#busy;
    return written;
  }

  #free(): void {
    this.#busy = null;
  }

  #noted<T>(write: Promise<T>): Promise<T> {
    this.#waiting.add(write);
    const ended = () => this.#waiting.delete(write);
    write.then(ended, ended);
    return write;
  }

  /** Does long work in steps: commits come in between. Once the signal is aborted, it ends early. */
  async steps(order: StepOrder, signal?: AbortSignal): Promise<void> {
    const { span } = order;
    let start: Uint8Array | null = span.start;
    if (!this.#thread.isRunning) start = await this.write(() => takeStep(this.#entries, order, FEW_ENTRIES));
    while (start !== null && signal?.aborted !== true)
      start = (await this.inThread({ ...order, span: { start, end: span.end } })).next;
  }

  /** Drops all entries of a span, in steps. */
  async dropSpan(span: KeySpan, signal?: AbortSignal): Promise<void> {
    await this.steps({ kind: 'drop', span }, signal);
  }

  /** Ends the thread after the writes that wait; where none does, it does not wait for the check before the first. */
  async close(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting);
    await this.#thread.close();
  }
}

function nothing(): void {}
