/** One stretch of training: a trial goes from one budget to the next. Budgets are in the sweep's unit: epochs, steps or trees. */
export interface SweepJob {
  /** Id of the trial, from 0. */
  readonly trial: number;
  /** Index of the budget that it reaches. */
  readonly rung: number;
  /** Budget that the trial has: 0 at its first stretch. */
  readonly from: number;
  /** Budget that it has after the job. */
  readonly to: number;
}

/**
 * Decides which trial trains next, and how far. It keeps no clock and starts nothing.
 *
 * 1. The same calls in the same order give the same jobs, so a journal of the calls restores a scheduler.
 * 2. A job that `next` gave is open until `record` takes its loss. A job that was interrupted is run again by its caller, and is
 *    recorded once.
 * 3. A loss that is not finite ends its trial at once. It is compared with nothing.
 * 4. `next` is null when nothing can start before another record; with no open job it is null at the end alone.
 * 5. Lower losses are better. Equal losses are ordered by trial.
 */
export interface SweepScheduler {
  next(): SweepJob | null;
  /** Errors: SWEEP_RECORD, for a job that is not open. */
  record(job: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void;
  /** The best trial so far: the lowest loss at the highest rung with a finite loss; null before the first. */
  best(): TrialLoss | null;
}

export interface TrialLoss {
  readonly trial: number;
  readonly rung: number;
  readonly loss: number;
}

/** Trials with their losses, best first: by loss, then by trial; those without a finite loss last. */
export function ranked(losses: Iterable<readonly [trial: number, loss: number]>): readonly number[] {
  return [...losses]
    .sort(([a, x], [b, y]) => {
      const first = Number.isFinite(x);
      if (first !== Number.isFinite(y)) return first ? -1 : 1;
      return first && x !== y ? x - y : a - b;
    })
    .map(([trial]) => trial);
}
