import { durationText } from './duration-text.ts';
import { figuresOf, type SloReport, type SloSeries } from './slo-report.ts';

/** A budget and the measured durations of the last hour, ms. */
export interface BudgetStatus {
  readonly name: string;
  readonly budgetMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly met: boolean | null;
}

export const NO_BUDGET: BudgetStatus = { name: '', budgetMs: null, p50Ms: null, p99Ms: null, met: null };

/** The budgets of a report by `<of> <name> <measure>`. */
export function budgetsOf({ series }: SloReport): (id: string) => BudgetStatus | null {
  const known = new Map(series.map((one) => [`${one.of} ${one.name} ${one.measure}`, one]));
  return (id) => {
    const one = known.get(id);
    return one === undefined ? null : budgetOf(one);
  };
}

export function budgetOf(series: SloSeries): BudgetStatus {
  const { p50Ms, p99Ms, met } = figuresOf(series);
  return { name: series.name, budgetMs: series.budgetMs, p50Ms, p99Ms, met };
}

/** A budget as a line of `headrace status` shows it. */
export function budgetText({ budgetMs, p50Ms, p99Ms, met }: BudgetStatus): string {
  const measured = `p50 ${durationText(p50Ms)} p99 ${durationText(p99Ms)}`;
  if (budgetMs === null) return measured;
  return `${measured} of ${durationText(budgetMs)}${met === false ? ' MISSED' : ''}`;
}
