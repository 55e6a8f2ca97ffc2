import { type EnvironmentFault, environmentFault } from '../base/errors/environment-fault.ts';
import type { Clock } from '../base/time.ts';
import { type WatchOptions, watched } from './watched.ts';

/** A method of a store that the environment keeps from working. */
export interface StoreFault extends EnvironmentFault {
  /** As people call it: `model registry`. */
  readonly store: string;
  readonly method: string;
  /** When it first failed since it last succeeded, epoch ms. */
  readonly since: number;
  /** Calls that failed since then. */
  readonly failures: number;
}

/** The last fault of each method of each watched store, until the same method succeeds. */
export class StoreFaults {
  readonly #clock: Clock;
  readonly #now = new Map<string, StoreFault>();
  readonly #stores = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The faults of now, the oldest first. */
  get now(): readonly StoreFault[] {
    return [...this.#now.values()];
  }

  /** Failures since the start by the code of the fault, of each watched store. */
  get counts(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#stores;
  }

  /** The same store; faults of its methods are noted here under its name. */
  watch<T extends object>(store: string, of: T, options: WatchOptions = {}): T {
    if (!this.#stores.has(store)) this.#stores.set(store, new Map());
    return watched(of, options, {
      succeeded: (method) => this.#succeeded(store, method),
      failed: (method, error) => this.#failed(store, method, error),
    });
  }

  #succeeded(store: string, method: string): void {
    if (this.#now.size > 0) this.#now.delete(keyOf(store, method));
  }

  #failed(store: string, method: string, error: unknown): void {
    const fault = environmentFault(error);
    if (fault === null) return;
    const key = keyOf(store, method);
    const before = this.#now.get(key);
    const { since = this.#clock(), failures = 0 } = before ?? {};
    this.#now.set(key, { store, method, ...fault, since, failures: failures + 1 });
    const counts = this.#stores.get(store);
    counts?.set(fault.code, (counts.get(fault.code) ?? 0) + 1);
  }
}

function keyOf(store: string, method: string): string {
  return `${store} ${method}`;
}
