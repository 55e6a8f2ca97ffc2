import { fail } from '../../base/errors/fail.ts';
import { ranked, type SweepJob, type TrialLoss } from './sweep-scheduler.ts';

/** Budgets `min`, `min · eta`, `min · eta²` … below `max`, then `max`. Error: SWEEP_BUDGET. */
export function rungBudgets(min: number, max: number, eta: number): readonly number[] {
  if (!(min > 0 && max >= min && eta > 1 && Number.isFinite(max * eta))) throw fail('SWEEP_BUDGET', { min, max, eta });
  const budgets: number[] = [];
  for (let budget = min; budget < max; budget *= eta) budgets.push(budget);
  return [...budgets, max];
}

/** The losses of all trials by rung, and the jobs that are open. */
export class Rungs {
  readonly budgets: readonly number[];
  readonly #losses: readonly Map<number, number>[];
  readonly #open = new Set<string>();

  constructor(budgets: readonly number[]) {
    this.budgets = budgets;
    this.#losses = budgets.map(() => new Map());
  }

  /** Finite and other losses of a rung, in the order of their records. */
  at(rung: number): ReadonlyMap<number, number> {
    return this.#losses[rung] ?? new Map();
  }

  get open(): number {
    return this.#open.size;
  }

  start(trial: number, rung: number): SweepJob {
    this.#open.add(`${trial}/${rung}`);
    return { trial, rung, from: rung === 0 ? 0 : (this.budgets[rung - 1] ?? 0), to: this.budgets[rung] ?? 0 };
  }

  /** Error: SWEEP_RECORD. */
  record({ trial, rung }: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void {
    if (!this.#open.delete(`${trial}/${rung}`)) throw fail('SWEEP_RECORD', { trial, rung });
    this.#losses[rung]?.set(trial, loss);
  }

  best(): TrialLoss | null {
    for (let rung = this.budgets.length - 1; rung >= 0; rung--) {
      const losses = this.at(rung);
      const [trial] = ranked(losses);
      const loss = trial === undefined ? Number.NaN : (losses.get(trial) ?? Number.NaN);
      if (trial !== undefined && Number.isFinite(loss)) return { trial, rung, loss };
    }
    return null;
  }
}
