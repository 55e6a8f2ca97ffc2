import type { MaybePromise } from '../base/maybe-promise.ts';

/** The right to judge, which one process of an environment has at a time. */
export interface MonitorLease {
  /** Keeps it; false: another process has taken it. Errors: those of the store. */
  keep(): MaybePromise<boolean>;
  release(): MaybePromise<void>;
}

/**
 * The lease of an environment's monitor and its newest judgement, for all hosts of the environment.
 *
 * Rules:
 *  1. of several processes that ask for the lease at once one gets it;
 *  2. the lease of a process that died is free again, without a clock that hosts share;
 *  3. a state replaces the last one whole, and every process reads it.
 */
export interface MonitorStore {
  /** Takes the lease; null: another process has it. A process that asks again and again takes over from one that died. */
  lease(): MaybePromise<MonitorLease | null>;
  write(state: string): MaybePromise<void>;
  /** Null: no state was ever written. */
  read(): MaybePromise<string | null>;
  close(): MaybePromise<void>;
}
