import { fail } from '../../base/errors/fail.ts';
import type { ColumnValues, TableFile } from '../../ports/table-file.ts';
import type { ColumnChoice, ExcludedColumn } from '../detect/choose-columns.ts';
import { type ChunkLimits, chunkLimits, LEAST_CHUNKS } from './chunk-limits.ts';
import { type ClassRows, fitClassEstimate, realisedClasses } from './confidence-based-classes.ts';
import { lossOf } from './direct-loss.ts';
import { domainOf, featureColumns, numbersOf } from './file-columns.ts';
import { type EstimateRows, fitEstimate, isLoss } from './fit-estimate.ts';
import { type EstimateTrust, trustInEstimate } from './trust-in-estimate.ts';

export interface TaskEstimateOptions extends ColumnChoice {
  /** `regression`: one score column. `multiclass`: the column of each class's probability, in the order of the classes. */
  readonly task: 'regression' | 'multiclass';
  readonly scores: readonly string[];
  /** Of several classes a number from 0, or the name of the class's column. */
  readonly label: string;
  readonly chunkRows: number;
  readonly seed: number;
}

type Metrics = Readonly<Record<string, number | null>>;

export interface TaskEstimateWindow {
  readonly from: number;
  readonly rows: number;
  /** Null: nothing can be said, for the reasons of `trust`. */
  readonly estimated: Metrics | null;
  readonly realised: Metrics | null;
  readonly alerts: Readonly<Record<string, 'worse' | 'better'>>;
  readonly outsideShare: number;
  readonly domainAuc: number | null;
  readonly trust: EstimateTrust;
}

export interface TaskEstimateReport {
  readonly version: 1;
  readonly task: TaskEstimateOptions['task'];
  readonly reference: { readonly path: string; readonly rows: number; readonly chunks: number };
  readonly limits: Readonly<Record<string, ChunkLimits | null>>;
  readonly warnings: readonly string[];
  /** Columns that are no features of the estimate, each with its reason. */
  readonly excluded: readonly ExcludedColumn[];
  readonly windows: readonly TaskEstimateWindow[];
}

/** An estimator over rows of files. */
interface FittedFiles {
  readonly limits: TaskEstimateReport['limits'];
  readonly estimate: (from: number, to: number) => Metrics;
  readonly realised: (from: number, to: number) => Metrics | null;
  readonly rows: number;
}

/**
 * Estimates the metrics of a regression (direct loss estimation) or of a model of several classes (confidence-based estimation, one
 * against the rest) in windows of a file. Errors: DRIFT_COLUMN, DRIFT_LABEL.
 */
export async function estimateTaskFiles(
  reference: TableFile,
  current: TableFile,
  options: TaskEstimateOptions,
): Promise<TaskEstimateReport> {
  const { task, chunkRows, label, scores, seed } = options;
  const used = [[label, 'the label'] as const, ...scores.map((score) => [score, 'a score'] as const)];
  const features = featureColumns(reference, current, options, used);
  const fitted = await (task === 'regression'
    ? fitRegression(reference, current, { ...options, names: features.columns.map(({ name }) => name) })
    : fitClasses(reference, current, options));
  const { domain, excluded } = await domainOf(reference, current, { features, seed });
  const chunks = Math.floor(reference.rows / chunkRows);
  const windows = spansOf(fitted.rows, chunkRows).map(({ from, to }): TaskEstimateWindow => {
    const { outsideShare, auc } = domain(from, to);
    const trust = trustInEstimate({
      calibrationRows: reference.rows,
      outsideShare,
      domainAuc: auc,
      // Files have no clock: how old the labels are is the reader's to judge.
      lastLabelAgeMs: 0,
      lookBackMs: Number.POSITIVE_INFINITY,
    });
    const estimated = trust.state === 'estimate' ? fitted.estimate(from, to) : null;
    const alerts = estimated === null ? {} : alertsOf(estimated, fitted.limits);
    const realised = fitted.realised(from, to);
    return { from, rows: to - from, estimated, realised, alerts, outsideShare, domainAuc: auc, trust };
  });
  const warnings = [
    'an estimate cannot see a change of what the labels mean: check it against labels as they come',
    ...(chunks < LEAST_CHUNKS ? [`${chunks} reference chunks: limits need ${LEAST_CHUNKS} to mean something`] : []),
  ];
  const { path, rows } = reference;
  return { version: 1, task, reference: { path, rows, chunks }, limits: fitted.limits, warnings, excluded, windows };
}

/** Consecutive windows; the rest goes to the last. */
function spansOf(rows: number, size: number): readonly { readonly from: number; readonly to: number }[] {
  const count = Math.max(1, Math.floor(rows / size));
  return Array.from({ length: count }, (_, i) => ({ from: i * size, to: i === count - 1 ? rows : (i + 1) * size }));
}

function alertsOf(estimated: Metrics, limits: TaskEstimateReport['limits']): TaskEstimateWindow['alerts'] {
  const found = Object.entries(estimated).flatMap(
    ([metric, value]): readonly (readonly [string, 'worse' | 'better'])[] => {
      const own = limits[metric] ?? null;
      if (value === null || own === null || (value >= own.lower && value <= own.upper)) return [];
      return [[metric, value > own.upper === isLoss(metric) ? 'worse' : 'better']];
    },
  );
  return Object.fromEntries(found);
}

async function fitRegression(
  reference: TableFile,
  current: TableFile,
  { scores, label, chunkRows, names }: TaskEstimateOptions & { readonly names: readonly string[] },
): Promise<FittedFiles> {
  const [score = ''] = scores;
  const rowsOf = async (table: TableFile, isLabelled: boolean): Promise<EstimateRows> => {
    const features = new Map<string, ColumnValues>();
    for (const name of names) features.set(name, await table.column(name));
    const own = await numbersOf(table, score);
    const has = isLabelled || table.columns.some(({ name }) => name === label);
    const labels = has ? await numbersOf(table, label) : own.map(() => Number.NaN);
    refuseOdd(table, score, own, true);
    refuseOdd(table, label, labels, isLabelled);
    return { features, scores: own, labels };
  };
  const [known, window] = [await rowsOf(reference, true), await rowsOf(current, false)];
  const fitted = fitEstimate('regression', known, chunkRows);
  const part = (from: number, to: number): EstimateRows => ({
    features: new Map([...window.features].map(([name, values]) => [name, partOf(values, from, to)])),
    scores: window.scores.subarray(from, to),
    labels: window.labels.subarray(from, to),
  });
  return {
    rows: window.scores.length,
    limits: fitted.limits,
    estimate: (from, to) => fitted.estimate(part(from, to)),
    realised: (from, to) => realisedLoss(part(from, to)),
  };
}

function partOf(values: ColumnValues, from: number, to: number): ColumnValues {
  return values instanceof Float64Array ? values.subarray(from, to) : values.slice(from, to);
}

function realisedLoss({ scores, labels }: EstimateRows): Metrics | null {
  if (labels.length === 0 || labels.some(Number.isNaN)) return null;
  const mean = (loss: 'absolute' | 'squared') =>
    scores.reduce((sum, score, i) => sum + lossOf(loss, score, labels[i]), 0) / scores.length;
  return { mae: mean('absolute'), rmse: Math.sqrt(mean('squared')) };
}

async function fitClasses(
  reference: TableFile,
  current: TableFile,
  { scores, label, chunkRows, seed }: TaskEstimateOptions,
): Promise<FittedFiles> {
  const rowsOf = async (table: TableFile, isLabelled: boolean): Promise<ClassRows> => {
    const own: Float64Array[] = [];
    for (const name of scores) {
      const values = await numbersOf(table, name);
      const odd = values.find((value) => !(value >= 0 && value <= 1));
      if (odd !== undefined) throw fail('DRIFT_LABEL', { column: name, path: table.path, value: String(odd) });
      own.push(values);
    }
    const has = isLabelled || table.columns.some(({ name }) => name === label);
    return { scores: own, labels: await classesOf(table, has ? label : null, scores, isLabelled) };
  };
  const [known, window] = [await rowsOf(reference, true), await rowsOf(current, false)];
  const part = (rows: ClassRows, from: number, to: number): ClassRows => ({
    scores: rows.scores.map((values) => values.subarray(from, to)),
    labels: rows.labels.subarray(from, to),
  });
  const estimate = fitClassEstimate(known, seed);
  const chunks = spansOf(known.labels.length, chunkRows).map(({ from, to }) => realisedClasses(part(known, from, to)));
  const names = Object.keys(estimate(part(known, 0, 1)));
  const limits = names.map((name) => {
    const values = chunks.map((one): number | null => (one === null ? null : (Object(one)[name] ?? null)));
    return [name, chunkLimits(values, 0, 1)] as const;
  });
  return {
    rows: window.labels.length,
    limits: Object.fromEntries(limits),
    estimate: (from, to) => ({ ...estimate(part(window, from, to)) }),
    realised: (from, to) => {
      const found = realisedClasses(part(window, from, to));
      return found === null ? null : { ...found };
    },
  };
}

/** Classes by number; -1: not known. A label is the number of a class, or the name of its column. */
async function classesOf(
  table: TableFile,
  label: string | null,
  names: readonly string[],
  isLabelled: boolean,
): Promise<Int32Array> {
  if (label === null) return new Int32Array(table.rows).fill(-1);
  const values = await table.column(label);
  return Int32Array.from(values as ArrayLike<string | number | null>, (value) => {
    const text = value === null ? '' : String(value);
    const found = names.includes(text) ? names.indexOf(text) : text === '' || text === 'NaN' ? -1 : Number(text);
    const isKnown = Number.isInteger(found) && found >= (isLabelled ? 0 : -1) && found < names.length;
    if (!isKnown) throw fail('DRIFT_LABEL', { column: label, path: table.path, value: text });
    return found;
  });
}

function refuseOdd(table: TableFile, column: string, values: Float64Array, isNeeded: boolean): void {
  const odd = values.find((value) => (Number.isNaN(value) ? isNeeded : !Number.isFinite(value)));
  if (odd !== undefined) throw fail('DRIFT_LABEL', { column, path: table.path, value: String(odd) });
}
