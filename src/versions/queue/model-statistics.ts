import { DurationHistogram } from '../../observe/duration-histogram.ts';

/** A count and the time of it together, ms. */
export interface Timed {
  count: number;
  ms: number;
}

/** The requests of one caller to a version. Times are of answered requests, ms. */
export interface CallerCounts {
  answered: number;
  failed: number;
  /** Of the failed: turned away by the queue, or late in it. */
  rejected: number;
  queueMs: number;
  runMs: number;
}

/** Callers that are counted one by one. Those that come later are counted together. */
const MOST_CALLERS = 100;

/** The callers that are counted together. */
export const OTHER_CALLERS = '*';

/** Why a request failed, as Triton's metrics name it. */
export const failureReasons = ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof failureReasons)[number];

/** Counts of one served version. A request is counted once, when it is answered. */
export class ModelStatistics {
  /** Rows of answered requests, and runs. */
  inferences = 0;
  executions = 0;
  /** When the first request was answered, and the last, epoch ms; 0: none was. */
  firstInference = 0;
  lastInference = 0;
  readonly success = timed();
  readonly fail = timed();
  readonly queue = timed();
  readonly computeInput = timed();
  readonly computeInfer = timed();
  readonly computeOutput = timed();
  readonly cacheHit = timed();
  readonly cacheMiss = timed();
  readonly failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  /** Runs by their rows. */
  readonly batches = new Map<number, Timed>();
  /** By the id of a caller's key; empty: no key. */
  readonly callers = new Map<string, CallerCounts>();
  /** Requests, from arrival to answer. */
  readonly durations = new DurationHistogram();

  /** A run of a batch. */
  ran(rows: number, ms: number): void {
    this.executions += 1;
    const batch = this.batches.get(rows) ?? timed();
    this.batches.set(rows, batch);
    add(batch, ms);
  }

  /** A request that was answered. */
  answered(rows: number, queueMs: number, computeMs: number, now: number, caller = ''): void {
    this.inferences += rows;
    const own = this.#caller(caller);
    own.answered += 1;
    own.queueMs += queueMs;
    own.runMs += computeMs;
    this.#answeredAt(now);
    add(this.success, queueMs + computeMs);
    add(this.queue, queueMs);
    add(this.computeInfer, computeMs);
    add(this.computeInput, 0);
    add(this.computeOutput, 0);
    this.durations.add(queueMs + computeMs);
  }

  /** A request with a kept answer: as Triton counts it, it succeeded, and nothing ran for it. */
  answeredFromCache(ms: number, now: number): void {
    this.#answeredAt(now);
    add(this.cacheHit, ms);
    add(this.success, ms);
    add(this.queue, 0);
    this.durations.add(ms);
  }

  /** A request that failed after `ms`. */
  failed(reason: FailureReason, ms: number, caller = ''): void {
    add(this.fail, ms);
    this.failures[reason] += 1;
    const own = this.#caller(caller);
    own.failed += 1;
    if (reason === 'REJECTED') own.rejected += 1;
  }

  #caller(name: string): CallerCounts {
    const known = this.callers.get(name);
    if (known !== undefined) return known;
    const key = this.callers.size < MOST_CALLERS ? name : OTHER_CALLERS;
    const counts = this.callers.get(key) ?? { answered: 0, failed: 0, rejected: 0, queueMs: 0, runMs: 0 };
    this.callers.set(key, counts);
    return counts;
  }

  #answeredAt(now: number): void {
    if (this.firstInference === 0) this.firstInference = now;
    this.lastInference = now;
  }
}

function timed(): Timed {
  return { count: 0, ms: 0 };
}

function add(to: Timed, ms: number): void {
  to.count += 1;
  to.ms += ms;
}
