import { Rungs } from './rungs.ts';
import type { HalvingOptions } from './successive-halving.ts';
import { ranked, type SweepJob, type SweepScheduler, type TrialLoss } from './sweep-scheduler.ts';

/**
 * Asynchronous successive halving with promotion (Li and others 2020): a free worker takes the best trial that may rise, from the
 * second-highest rung down: one of the best `floor(n / eta)` of the n results of its rung, not promoted yet. Otherwise it
 * starts the next trial. Trials pause at a rung, and resume when they are promoted.
 */
export class Asha implements SweepScheduler {
  readonly #rungs: Rungs;
  readonly #eta: number;
  readonly #waiting: number[];
  readonly #promoted: readonly Set<number>[];

  constructor({ trials, budgets, eta }: HalvingOptions) {
    this.#rungs = new Rungs(budgets);
    this.#eta = eta;
    this.#waiting = [...trials];
    this.#promoted = budgets.map(() => new Set());
  }

  next(): SweepJob | null {
    for (let rung = this.#rungs.budgets.length - 2; rung >= 0; rung--) {
      const trial = this.#candidate(rung);
      if (trial === undefined) continue;
      this.#promoted[rung]?.add(trial);
      return this.#rungs.start(trial, rung + 1);
    }
    const trial = this.#waiting.shift();
    return trial === undefined ? null : this.#rungs.start(trial, 0);
  }

  record(job: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void {
    this.#rungs.record(job, loss);
  }

  best(): TrialLoss | null {
    return this.#rungs.best();
  }

  /** Trials with a result at a rung, in the order of their results. */
  members(rung: number): readonly number[] {
    return [...this.#rungs.at(rung).keys()];
  }

  #candidate(rung: number): number | undefined {
    const losses = this.#rungs.at(rung);
    return ranked(losses)
      .slice(0, Math.floor(losses.size / this.#eta))
      .find((trial) => Number.isFinite(losses.get(trial)) && this.#promoted[rung]?.has(trial) === false);
  }
}
