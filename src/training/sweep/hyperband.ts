import { fail } from '../../base/errors/fail.ts';
import { SuccessiveHalving } from './successive-halving.ts';
import type { SweepJob, SweepScheduler, TrialLoss } from './sweep-scheduler.ts';

/** One round of successive halving: a number of trials, from a first budget. */
export interface Bracket {
  readonly trials: number;
  readonly budgets: readonly number[];
}

/**
 * The brackets of Hyperband (Li and others 2018) for a largest budget: bracket s has `ceil((s_max + 1) / (s + 1) · eta^s)` trials
 * from `max / eta^s`. Whole numbers alone: logarithms are off by one at (1000, 10). Error: SWEEP_BUDGET.
 */
export function hyperbandBrackets(max: number, eta: number): readonly Bracket[] {
  if (!(Number.isInteger(eta) && eta >= 2 && max >= 1 && Number.isFinite(max)))
    throw fail('SWEEP_BUDGET', { min: 1, max, eta });
  let most = 0;
  while (eta ** (most + 1) <= max) most += 1;
  return Array.from({ length: most + 1 }, (_, place) => {
    const s = most - place;
    const trials = Math.floor(((most + 1) * eta ** s + s) / (s + 1));
    return { trials, budgets: Array.from({ length: s + 1 }, (_, rung) => max / eta ** (s - rung)) };
  });
}

/** Runs the brackets one after another, each with new trials; ids continue from bracket to bracket. */
export class Hyperband implements SweepScheduler {
  readonly #brackets: readonly { readonly first: number; readonly halving: SuccessiveHalving; readonly end: number }[];
  readonly #budgets: readonly number[];
  #at = 0;
  #open = 0;

  constructor(max: number, eta: number) {
    const brackets = hyperbandBrackets(max, eta);
    this.#budgets = brackets[0]?.budgets ?? [];
    let first = 0;
    this.#brackets = brackets.map(({ trials, budgets }) => {
      const ids = Array.from({ length: trials }, (_, index) => first + index);
      const bracket = { first, halving: new SuccessiveHalving({ trials: ids, budgets, eta }), end: first + trials };
      first += trials;
      return bracket;
    });
  }

  /** Trials of all brackets. */
  get trials(): number {
    return this.#brackets.at(-1)?.end ?? 0;
  }

  next(): SweepJob | null {
    for (;;) {
      const bracket = this.#brackets[this.#at];
      const job = bracket?.halving.next();
      if (job !== null && job !== undefined) {
        this.#open += 1;
        return { ...job, rung: job.rung + this.#at };
      }
      if (bracket === undefined || this.#open > 0 || this.#at === this.#brackets.length - 1) return null;
      this.#at += 1;
    }
  }

  record({ trial, rung }: Pick<SweepJob, 'trial' | 'rung'>, loss: number): void {
    const place = this.#brackets.findIndex(({ first, end }) => trial >= first && trial < end);
    const bracket = this.#brackets[place];
    if (bracket === undefined) throw fail('SWEEP_RECORD', { trial, rung });
    bracket.halving.record({ trial, rung: rung - place }, loss);
    this.#open -= 1;
  }

  /** Rungs count from the smallest budget of all brackets. */
  best(): TrialLoss | null {
    return this.#brackets.reduce<TrialLoss | null>((best, { halving }, place) => {
      const own = halving.best();
      if (own === null) return best;
      const rung = own.rung + place;
      if (best === null || rung > best.rung || (rung === best.rung && own.loss < best.loss)) return { ...own, rung };
      return best;
    }, null);
  }

  get budgets(): readonly number[] {
    return this.#budgets;
  }
}
