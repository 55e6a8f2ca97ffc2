import type { Names } from '../../trace/names.ts';

/** Numbers threads by the texts of pid and tid, which may be numbers or strings. */
export class EventThreads {
  readonly #names: Names;
  readonly #threads = new Map<number, number>();
  // Of the previous event: most events are of the same thread.
  #lastPid = 0;
  #lastTid = 0;
  #lastThread = -1;

  constructor(names: Names) {
    this.#names = names;
  }

  /** The number of a thread, by the places of its pid and tid. Hot path. */
  of(bytes: Uint8Array, pidAt: number, pidEnd: number, tidAt: number, tidEnd: number): number {
    const names = this.#names;
    const pid = names.intern(bytes, pidAt, pidEnd, this.#lastPid);
    const tid = names.intern(bytes, tidAt, tidEnd, this.#lastTid);
    if (pid === this.#lastPid && tid === this.#lastTid && this.#lastThread >= 0) return this.#lastThread;
    const key = pid * 2 ** 24 + tid;
    let thread = this.#threads.get(key);
    if (thread === undefined) {
      thread = this.#threads.size;
      this.#threads.set(key, thread);
    }
    this.#lastPid = pid;
    this.#lastTid = tid;
    this.#lastThread = thread;
    return thread;
  }
}
