import { fail } from '../../base/errors/fail.ts';
import type { TableFile } from '../../ports/table-file.ts';
import { twoProportionZTest } from '../../stats/two-proportion-z-test.ts';
import { type ColumnChoice, chooseColumns, type ExcludedColumn, requireColumn } from '../detect/choose-columns.ts';
import { type CoverageStep, coverageAfter, type EarlyLabels, earlyLabels, labelCoverage } from './label-coverage.ts';

const DAY_MS = 86_400_000;
const DAYS = [0, 1, 2, 7, 14, 30, 60, 90, 180, 365, 730];

export interface LabelOptions extends ColumnChoice {
  /** Columns of the instants of prediction and of the label, and of the label (0 or 1). */
  readonly predicted: string;
  readonly labelled: string;
  readonly label: string;
  /** End of the watch, epoch ms; null: the newest instant of the file. */
  readonly now: number | null;
  readonly lookBackDays: number;
}

export interface LabelReport {
  readonly version: 1;
  readonly rows: number;
  /** Rows whose label came before their prediction: a clock or a join is wrong. */
  readonly early: number;
  readonly coverage: readonly { readonly afterDays: number; readonly coverage: number }[];
  readonly earlyLabels: readonly (Omit<EarlyLabels, 'withinMs'> & { readonly withinDays: number })[];
  /** Days after which a window has 80 % of the labels that come within the look-back; null: never. */
  readonly matureAfterDays: number | null;
  readonly warnings: readonly string[];
  /** Columns that play no part, each with its reason. */
  readonly excluded: readonly ExcludedColumn[];
}

/** How late labels come, and how labels that come early differ from all. Errors: DRIFT_COLUMN, DRIFT_LABEL. */
export async function labelReport(table: TableFile, options: LabelOptions): Promise<LabelReport> {
  const used = [
    [options.predicted, 'the instant of the prediction'],
    [options.labelled, 'the instant of the label'],
    [options.label, 'the label'],
  ] as const;
  for (const [name, role] of used) requireColumn(role, name, table);
  const { columns, excluded } = chooseColumns([table], options, used);
  const [predicted, labelled, label] = [
    await timesOf(table, options.predicted),
    await timesOf(table, options.labelled),
    await table.column(options.label),
  ];
  const now = options.now ?? Math.max(newest(predicted), newest(labelled));
  let early = 0;
  const rows = Array.from(predicted, (at, i) => {
    const delay = labelled[i] - at;
    if (delay < 0) early += 1;
    const watched = Number.isNaN(labelled[i]) || labelled[i] > now ? null : Math.max(0, delay);
    return { delayMs: watched, ageMs: Math.max(0, now - at), positive: Number(label[i]) === 1 || label[i] === 'true' };
  }).filter(({ ageMs }) => !Number.isNaN(ageMs));
  const steps = labelCoverage(rows);
  const byDay = earlyLabels(
    rows,
    DAYS.map((days) => days * DAY_MS),
  );
  return {
    version: 1,
    rows: rows.length,
    early,
    coverage: DAYS.map((days) => ({ afterDays: days, coverage: coverageAfter(steps, days * DAY_MS) })),
    earlyLabels: byDay.map(({ withinMs, ...one }) => ({ withinDays: withinMs / DAY_MS, ...one })),
    matureAfterDays: matureAfter(steps, options.lookBackDays),
    warnings: warningsOf(byDay, early, steps),
    excluded: [
      ...excluded.filter(({ name }) => used.every(([column]) => column !== name)),
      ...columns.map(({ name }) => ({ name, reason: 'when labels come is a question of instants and labels alone' })),
    ],
  };
}

function matureAfter(steps: readonly CoverageStep[], lookBackDays: number): number | null {
  const needed = 0.8 * coverageAfter(steps, lookBackDays * DAY_MS);
  const step = needed === 0 ? undefined : steps.find(({ coverage }) => coverage >= needed);
  return step === undefined ? null : step.afterMs / DAY_MS;
}

function warningsOf(byDay: readonly EarlyLabels[], early: number, steps: readonly CoverageStep[]): readonly string[] {
  const warnings: string[] = [];
  const last = byDay.filter(({ positiveShare }) => positiveShare !== null).at(-1);
  const week = byDay.find(({ withinMs }) => withinMs === 7 * DAY_MS);
  if (steps.length === 0) warnings.push('no label has come');
  if (early > 0) warnings.push(`${early} labels came before their prediction: check clocks and the join`);
  if (
    last !== undefined &&
    week !== undefined &&
    week.positiveShare !== null &&
    last.positiveShare !== null &&
    last.labelled > week.labelled
  ) {
    const test = twoProportionZTest(
      { hits: week.positiveShare * week.labelled, rows: week.labelled },
      { hits: last.positiveShare * last.labelled, rows: last.labelled },
    );
    if (test !== null && test.p < 0.001)
      warnings.push(
        `when a label comes depends on the label: ${share(week.positiveShare)} positives after 7 days, ${share(last.positiveShare)} in the end. Judge mature windows only, or label a random sample`,
      );
  }
  return warnings;
}

function share(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

async function timesOf(table: TableFile, name: string): Promise<Float64Array> {
  const values = await table.column(name);
  const times =
    values instanceof Float64Array
      ? values
      : Float64Array.from(values, (text) => (text === null ? Number.NaN : Date.parse(text)));
  const at = times.findIndex((time, i) => Number.isNaN(time) && typeof values[i] === 'string');
  if (at !== -1) throw fail('DRIFT_LABEL', { column: name, path: table.path, value: String(values[at]) });
  return times;
}

/** Times that are missing have no part in it, which `Math.max` would give them. */
function newest(values: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most) most = value;
  return most;
}
