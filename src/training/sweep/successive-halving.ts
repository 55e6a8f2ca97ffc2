import { Rungs } from './rungs.ts';
import { ranked, type SweepJob, type SweepScheduler, type TrialLoss } from './sweep-scheduler.ts';

export interface HalvingOptions {
  /** Ids of the trials. */
  readonly trials: readonly number[];
  /** Budgets of the rungs, ascending. */
  readonly budgets: readonly number[];
  /** One of `eta` trials survives a rung. */
  readonly eta: number;
}

/**
 * Successive halving (Jamieson and Talwalkar 2016): every survivor trains to the budget of a rung, then the best
 * `max(1, floor(n / eta))` go to the next. Survivors resume, so a rung costs the difference of budgets. A trial whose loss is
 * not finite never survives.
 */
export class SuccessiveHalving implements SweepScheduler {
  readonly #rungs: Rungs;
  readonly #eta: number;
  #rung = 0;
  #waiting: number[];
  #expected: number;

  constructor({ trials, budgets, eta }: HalvingOptions) {
    this.#rungs = new Rungs(budgets);
    this.#eta = eta;
    this.#waiting = [...trials];
    this.#expected = trials.length;
  }

  next(): SweepJob | null {
    const trial = this.#waiting.shift();
    return trial === undefined ? null : this.#rungs.start(trial, this.#rung);
  }

  record(job: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void {
    this.#rungs.record(job, loss);
    const losses = this.#rungs.at(this.#rung);
    if (losses.size < this.#expected || this.#rung === this.#rungs.budgets.length - 1) return;
    const survivors = ranked(losses)
      .slice(0, Math.max(1, Math.floor(this.#expected / this.#eta)))
      .filter((trial) => Number.isFinite(losses.get(trial)));
    this.#rung += 1;
    this.#waiting = [...survivors];
    this.#expected = survivors.length;
  }

  /** Trials that trained to a rung, best first. */
  rankedAt(rung: number): readonly number[] {
    return ranked(this.#rungs.at(rung));
  }

  best(): TrialLoss | null {
    return this.#rungs.best();
  }
}
