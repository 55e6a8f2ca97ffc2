import { fail } from '../../base/errors/fail.ts';
import type { TableFile } from '../../ports/table-file.ts';
import type { ColumnChoice, ExcludedColumn } from '../detect/choose-columns.ts';
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
import { domainOf, featureColumns, numbersOf } from './file-columns.ts';
import { type EstimateTrust, trustInEstimate } from './trust-in-estimate.ts';

export interface EstimateOptions extends ColumnChoice {
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
  /** Columns that say nothing about how far rows are from the reference, each with its reason. */
  readonly excluded: readonly ExcludedColumn[];
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
  const used = [
    [options.label, 'the label'],
    ...(options.prediction === null ? [] : [[options.prediction, 'the prediction'] as const]),
  ] as const;
  const features = featureColumns(reference, current, options, used);
  const { domain, excluded } = await domainOf(reference, current, { features, seed: options.seed });
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
    excluded,
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
