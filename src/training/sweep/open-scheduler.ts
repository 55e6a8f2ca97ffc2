import { Asha } from './asha.ts';
import { Hyperband } from './hyperband.ts';
import { rungBudgets } from './rungs.ts';
import { gridOf } from './search-space.ts';
import { Stopping } from './stopping.ts';
import { medianRule, percentileRule, rankRule } from './stopping-rules.ts';
import { SuccessiveHalving } from './successive-halving.ts';
import type { SweepFile } from './sweep-file.ts';
import type { SweepScheduler } from './sweep-scheduler.ts';

/** The scheduler of a sweep, and how many trials it may start. Error: SWEEP_BUDGET. */
export function openScheduler({ budget, parameters, scheduler, search, trials }: SweepFile): {
  readonly scheduler: SweepScheduler;
  readonly trials: number;
} {
  const { min, max } = budget;
  if (scheduler.kind === 'hyperband') {
    const hyperband = new Hyperband(max, scheduler.eta);
    return { scheduler: hyperband, trials: hyperband.trials };
  }
  const count = search === 'grid' ? gridOf(parameters).length : (trials ?? 1);
  const ids = Array.from({ length: count }, (_, id) => id);
  const open = (): SweepScheduler => {
    if (scheduler.kind === 'full') return new Stopping({ trials: ids, budgets: [max], goesOn: () => true });
    const { eta } = scheduler;
    const budgets = rungBudgets(min, max, eta);
    if (scheduler.kind === 'halving') return new SuccessiveHalving({ trials: ids, budgets, eta });
    if (scheduler.kind === 'asha') return new Asha({ trials: ids, budgets, eta });
    if (scheduler.kind === 'percentile') return new Stopping({ trials: ids, budgets, goesOn: percentileRule(eta) });
    if (scheduler.kind === 'rank')
      return new Stopping({ trials: ids, budgets, goesOn: rankRule(eta, scheduler.bootstrap) });
    return new Stopping({ trials: ids, budgets, goesOn: medianRule(scheduler.least) });
  };
  return { scheduler: open(), trials: count };
}
