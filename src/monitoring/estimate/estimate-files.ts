import { fail } from '../../base/errors/fail.ts';
import type { ColumnValues, TableFile } from '../../ports/table-file.ts';
import { domainClassifier } from '../../stats/domain-classifier.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';
import { fitAverageThreshold } from './average-threshold.ts';
import { probabilitiesOf } from './calibrate-scores.ts';
import { LEAST_CHUNKS } from './chunk-limits.ts';
import {
  type BinaryRows,
  type ChunkEstimate,
  chunksOf,
  estimateChunk,
  fitConfidenceBased,
} from './confidence-based.ts';
import { type EstimateTrust, trustInEstimate } from './trust-in-estimate.ts';

export interface EstimateOptions {
  readonly score: string;
  readonly label: string;
  /** Column of predictions 0 or 1; null: the score at least `threshold`. */
  readonly prediction: string | null;
  readonly threshold: number;
  readonly chunkRows: number;
  readonly seed: number;
}

export interface WindowEstimate extends ChunkEstimate {
  readonly from: number;
  /** Error rate by average thresholded confidence: where it disagrees, neither is sure. */
  readonly thresholdAccuracy: number | null;
  readonly outsideShare: number;
  readonly domainAuc: number | null;
  readonly trust: EstimateTrust;
}

export interface EstimateReport {
  readonly version: 1;
  readonly reference: { readonly path: string; readonly rows: number; readonly chunks: number };
  readonly calibrated: boolean;
  readonly calibrationError: { readonly raw: number; readonly calibrated: number } | null;
  readonly limits: ReturnType<typeof fitConfidenceBased>['limits'];
  readonly warnings: readonly string[];
  readonly windows: readonly WindowEstimate[];
}

/**
 * Estimates the metrics of a binary model in windows of a file, from a labelled reference and calibrated scores, with their
 * assumptions. Labels of the file, where it has them, give the realised values. Errors: DRIFT_COLUMN, DRIFT_LABEL.
 */
export async function estimateFiles(
  reference: TableFile,
  current: TableFile,
  options: EstimateOptions,
): Promise<EstimateReport> {
  const known = await rowsOf(reference, options, true);
  const fitted = fitConfidenceBased(known, options.chunkRows, options.seed);
  const window = await rowsOf(current, options, false);
  const domain = await domainOf(reference, current, options);
  const wrong = known.labels.map((label, i) => (label === known.predictions[i] ? 0 : 1));
  const confidence = (rows: BinaryRows) =>
    probabilitiesOf(fitted.calibrator, rows.scores).map((p, i) => (rows.predictions[i] === 1 ? p : 1 - p));
  const threshold = fitAverageThreshold(confidence(known), wrong);
  const chunks = Math.floor(known.scores.length / options.chunkRows);
  let from = 0;
  const windows = chunksOf(window, options.chunkRows).map((rows): WindowEstimate => {
    const at = from;
    from += rows.scores.length;
    const { outsideShare, auc } = domain(at, from);
    const error = threshold?.(confidence(rows)) ?? null;
    return {
      from: at,
      ...estimateChunk(fitted, rows),
      thresholdAccuracy: error === null ? null : 1 - error,
      outsideShare,
      domainAuc: auc,
      trust: trustInEstimate({
        calibrationRows: known.scores.length,
        outsideShare,
        domainAuc: auc,
        // Files have no clock: how old the labels are is the reader's to judge.
        lastLabelAgeMs: 0,
        lookBackMs: Number.POSITIVE_INFINITY,
      }),
    };
  });
  return {
    version: 1,
    reference: { path: reference.path, rows: reference.rows, chunks },
    calibrated: fitted.calibrator.curve !== null,
    calibrationError: fitted.calibrator.error,
    limits: fitted.limits,
    warnings: [
      'an estimate cannot see a change of what the labels mean: check it against labels as they come',
      ...(chunks < LEAST_CHUNKS ? [`${chunks} reference chunks: limits need ${LEAST_CHUNKS} to mean something`] : []),
    ],
    windows,
  };
}

async function rowsOf(table: TableFile, options: EstimateOptions, labelled: boolean): Promise<BinaryRows> {
  const scores = await numbersOf(table, options.score);
  const has = (name: string) => table.columns.some((column) => column.name === name);
  const labels = labelled || has(options.label) ? await numbersOf(table, options.label) : scores.map(() => Number.NaN);
  const predictions =
    options.prediction === null
      ? scores.map((score) => (score >= options.threshold ? 1 : 0))
      : await numbersOf(table, options.prediction);
  for (const [column, values, needed] of [
    [options.label, labels, labelled],
    [options.prediction ?? options.score, predictions, true],
  ] as const) {
    const odd = values.find((value) => (Number.isNaN(value) ? needed : value !== 0 && value !== 1));
    if (odd !== undefined) throw fail('DRIFT_LABEL', { column, path: table.path, value: String(odd) });
  }
  const oddScore = scores.find((score) => !(score >= 0 && score <= 1));
  if (oddScore !== undefined)
    throw fail('DRIFT_LABEL', { column: options.score, path: table.path, value: String(oddScore) });
  return { scores, predictions, labels };
}

async function numbersOf(table: TableFile, name: string): Promise<Float64Array> {
  const values = await table.column(name);
  if (values instanceof Float64Array) return values;
  return Float64Array.from(values, (text) =>
    text === null ? Number.NaN : text === 'true' ? 1 : text === 'false' ? 0 : Number(text),
  );
}

function codesOf(bins: FrozenBins, values: ColumnValues): Uint8Array {
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i += 1) codes[i] = binOf(bins, values[i]);
  return codes;
}

type DomainOf = (from: number, to: number) => { readonly outsideShare: number; readonly auc: number | null };

const SAMPLE = 3000;

/** Codes of both files' features, for the classifier, and which rows lie outside the reference's range or values. */
async function domainOf(reference: TableFile, current: TableFile, options: EstimateOptions): Promise<DomainOf> {
  const left = new Set([options.label, options.prediction]);
  const columns: { readonly ordered: boolean; readonly known: Uint8Array; readonly now: Uint8Array }[] = [];
  const outside = new Uint8Array(current.rows);
  for (const { name, type, declared } of reference.columns) {
    const same = current.columns.find((column) => column.name === name);
    if (left.has(name) || same?.type !== type || /^(DATE|TIME)/.test(declared)) continue;
    const [a, b] = [await reference.column(name), await current.column(name)];
    const side = sideOfValues(a);
    const kind = kindOf(side);
    if (kind === 'identifier' || kind === 'empty') continue;
    const bins: FrozenBins = referenceBins(side, kind);
    columns.push({
      ordered: bins.kind === 'edges',
      known: codesOf(bins, a),
      now: codesOf(bins, b),
    });
    for (let i = 0; i < b.length; i += 1) {
      const value = b[i];
      if (typeof value !== 'number' || side.least === null || side.greatest === null) continue;
      // The ends of a sample are not the ends of the world: a tenth beyond them is still inside.
      const slack = (side.greatest - side.least) * 0.1;
      if (value < side.least - slack || value > side.greatest + slack) outside[i] = 1;
    }
  }
  const spread = (count: number, from: number, to: number) =>
    Array.from({ length: count }, (_, i) => from + Math.floor((i * (to - from)) / count));
  return (from, to) => {
    const n = Math.min(SAMPLE, reference.rows);
    const m = Math.min(SAMPLE, to - from);
    const [known, now] = [spread(n, 0, reference.rows), spread(m, from, to)];
    const found = domainClassifier(
      {
        columns: columns.map((one) =>
          Uint8Array.from([...known.map((r) => one.known[r]), ...now.map((r) => one.now[r])]),
        ),
        ordered: columns.map(({ ordered }) => ordered),
        domain: Uint8Array.from({ length: n + m }, (_, i) => (i < n ? 0 : 1)),
      },
      options.seed,
    );
    let sum = 0;
    for (let r = from; r < to; r += 1) sum += outside[r];
    return { outsideShare: to === from ? 0 : sum / (to - from), auc: found?.auc ?? null };
  };
}
