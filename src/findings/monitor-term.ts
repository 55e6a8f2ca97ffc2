import type { MonitorLease, MonitorStore } from '../ports/monitor-store.ts';
import { HELD_MS } from './sql-monitor-store.ts';

/** How often a process without the lease looks for it, ms. */
const LEASE_MS = 1000;

/** A process that waits for the lease. */
export interface Waiting {
  /** Called where another process has the lease, before this one waits for it. */
  readonly waits: () => void;
  /** Receives failures of looks at the lease. */
  readonly report: (error: unknown) => void;
}

/** Takes the lease, and waits for it; null: it is not free and nobody waits, or the run ended before. Errors: those of the first look. */
export async function nextTerm(store: MonitorStore, pauses: Pauses, waiting: Waiting | null): Promise<Term | null> {
  let lease = await store.lease();
  if (lease === null) waiting?.waits();
  while (lease === null && waiting !== null && !pauses.isStopped) {
    await pauses.wait(LEASE_MS);
    // A database that is away answers at a later try.
    lease = await Promise.resolve(store.lease()).catch((error: unknown) => {
      waiting.report(error);
      return null;
    });
  }
  return lease === null ? null : new Term(lease);
}

/** The time for which this process has the lease. Without a kept lease it ends before another process may take it. */
export class Term {
  readonly #lease: MonitorLease;
  #keptAt = performance.now();
  #isLost = false;
  #end: () => void = () => undefined;
  /** Resolves when the lease is lost. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(lease: MonitorLease) {
    this.#lease = lease;
  }

  isHeld(): boolean {
    return !this.#isLost && performance.now() - this.#keptAt < HELD_MS;
  }

  /** Gives a sign of life. Errors: those of the store. */
  async keep(): Promise<void> {
    const at = performance.now();
    if (this.#isLost) return;
    try {
      if (await this.#lease.keep()) this.#keptAt = at;
      else this.#isLost = true;
    } finally {
      if (!this.isHeld()) this.#lose();
    }
  }

  async release(): Promise<void> {
    if (!this.#isLost) await this.#lease.release();
  }

  #lose(): void {
    this.#isLost = true;
    this.#end();
  }
}

/** Pauses that end with the run. */
export class Pauses {
  readonly #stopped: Promise<unknown>;
  isStopped = false;

  constructor(stopped: Promise<unknown>) {
    this.#stopped = stopped.then(() => {
      this.isStopped = true;
    });
  }

  async wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#stopped, over]);
    clearTimeout(timer);
  }
}
