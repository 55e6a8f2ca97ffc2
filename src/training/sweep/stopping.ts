import { Rungs } from './rungs.ts';
import type { SweepJob, SweepScheduler, TrialLoss } from './sweep-scheduler.ts';

/** A trial at a rung, as a rule of stopping sees it. */
export interface Arrival {
  readonly trial: number;
  readonly rung: number;
  /** Its finite loss there. */
  readonly loss: number;
  /** Finite losses at each rung of every trial that was there before, without this one. */
  readonly before: readonly ReadonlyMap<number, number>[];
}

/** Whether a trial continues past a rung. */
export type StoppingRule = (arrival: Arrival) => boolean;

export interface StoppingOptions {
  readonly trials: readonly number[];
  /** Budgets at which trials are judged, and the full budget last. */
  readonly budgets: readonly number[];
  readonly goesOn: StoppingRule;
}

/** Each trial trains until a rule stops it; nothing pauses. A trial that continues is taken before a new one. */
export class Stopping implements SweepScheduler {
  readonly #rungs: Rungs;
  readonly #goesOn: StoppingRule;
  readonly #waiting: number[];
  readonly #running: { readonly trial: number; readonly rung: number }[] = [];
  readonly #before: readonly Map<number, number>[];

  constructor({ trials, budgets, goesOn }: StoppingOptions) {
    this.#rungs = new Rungs(budgets);
    this.#goesOn = goesOn;
    this.#waiting = [...trials];
    this.#before = budgets.map(() => new Map());
  }

  next(): SweepJob | null {
    const running = this.#running.shift();
    if (running !== undefined) return this.#rungs.start(running.trial, running.rung);
    const trial = this.#waiting.shift();
    return trial === undefined ? null : this.#rungs.start(trial, 0);
  }

  record(job: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void {
    this.#rungs.record(job, loss);
    if (!Number.isFinite(loss)) return;
    const { trial, rung } = job;
    const goesOn = rung < this.#rungs.budgets.length - 1 && this.#goesOn({ trial, rung, loss, before: this.#before });
    this.#before[rung]?.set(trial, loss);
    if (goesOn) this.#running.push({ trial, rung: rung + 1 });
  }

  best(): TrialLoss | null {
    return this.#rungs.best();
  }
}
