import type { ColumnValues } from '../../ports/table-file.ts';
import type { CodedRows } from '../../stats/boosted-trees.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { quantileOf } from '../detect/distribution.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { binOf, edgeBins, type FrozenBins } from '../profile/frozen-bins.ts';
import { fitAverageThreshold } from './average-threshold.ts';
import { probabilitiesOf } from './calibrate-scores.ts';
import { type ChunkLimits, chunkLimits } from './chunk-limits.ts';
import { type BinaryRows, chunksOf, estimateChunk, fitConfidenceBased, realisedOf } from './confidence-based.ts';
import { fitDirectLoss, type Loss, lossOf } from './direct-loss.ts';

/** Bins of a number: finer than those that windows are compared by. */
const NUMBER_BINS = 50;

/** Freezes bins on the columns of reference rows; the coder gives the codes of any rows with these columns. */
function columnCoder(
  reference: ReadonlyMap<string, ColumnValues>,
): (columns: ReadonlyMap<string, ColumnValues>, rows: number) => CodedRows {
  const bins = [...reference].flatMap(([name, values]): readonly (readonly [string, FrozenBins])[] => {
    const side = sideOfValues(values);
    const kind = kindOf(side);
    if (kind === 'identifier' || kind === 'empty') return [];
    const { distribution } = side;
    if (kind !== 'number' || distribution === null) return [[name, referenceBins(side, kind)]];
    const edges = Array.from({ length: NUMBER_BINS - 1 }, (_, i) => quantileOf(distribution, (i + 1) / NUMBER_BINS));
    return [[name, edgeBins([...new Set(edges.filter((edge) => edge !== null))])]];
  });
  return (columns, rows) => ({
    columns: bins.map(([name, own]) => codesOf(own, columns.get(name), rows)),
    ordered: bins.map(([, { kind }]) => kind === 'edges'),
  });
}

function codesOf(bins: FrozenBins, values: ColumnValues | undefined, rows: number): Uint8Array {
  const codes = new Uint8Array(rows);
  for (let i = 0; i < rows; i += 1) codes[i] = binOf(bins, values?.[i] ?? null);
  return codes;
}

/** Predictions with their features; labels are NaN where they are not known. */
export interface EstimateRows {
  readonly features: ReadonlyMap<string, ColumnValues>;
  readonly scores: Float64Array;
  readonly labels: Float64Array;
}

/** An estimator that is fitted on labelled rows. */
export interface FittedEstimate {
  /** Metrics of a window without its labels, by name; null: it has no such value. */
  readonly estimate: (window: EstimateRows) => Readonly<Record<string, number | null>>;
  /** How the realised metric moves between chunks of the labelled rows by itself; null: too few chunks. */
  readonly limits: Readonly<Record<string, ChunkLimits | null>>;
}

/** Score from which a prediction is positive. */
const THRESHOLD = 0.5;
const SEED = 42;

/** Metrics of a regression that direct loss estimation gives, and the loss of a row that each is of. */
const REGRESSION: Readonly<Record<string, Loss>> = { mae: 'absolute', rmse: 'squared' };

/** The estimate by average thresholded confidence, next to the accuracy by calibrated scores. */
const THRESHOLD_ACCURACY = 'accuracy_by_threshold';

/** Whether a metric is a loss: then a higher value is worse. */
export function isLoss(metric: string): boolean {
  return Object.hasOwn(REGRESSION, metric);
}

/**
 * Fits the estimators of a task on labelled rows, in the order of their instants: confidence-based estimation and average thresholded
 * confidence for a probability, direct loss estimation for a number. `chunkRows`: rows of a chunk of the limits.
 */
export function fitEstimate(task: 'binary' | 'regression', known: EstimateRows, chunkRows: number): FittedEstimate {
  return task === 'binary' ? fitBinary(known, chunkRows) : fitRegression(known, chunkRows);
}

function fitBinary(known: EstimateRows, chunkRows: number): FittedEstimate {
  const rows = binaryRows(known);
  const fitted = fitConfidenceBased(rows, chunkRows, SEED);
  const confidence = ({ scores, predictions }: BinaryRows) =>
    probabilitiesOf(fitted.calibrator, scores).map((p, i) => (predictions[i] === 1 ? p : 1 - p));
  const wrong = rows.labels.map((label, i) => (label === rows.predictions[i] ? 0 : 1));
  const threshold = fitAverageThreshold(confidence(rows), wrong);
  return {
    limits: { ...fitted.limits, [THRESHOLD_ACCURACY]: fitted.limits.accuracy },
    estimate: (window) => {
      const own = binaryRows(window);
      const error = threshold?.(confidence(own)) ?? null;
      return { ...estimateChunk(fitted, own).estimated, [THRESHOLD_ACCURACY]: error === null ? null : 1 - error };
    },
  };
}

/** The same metrics as the labels of rows show them; every label is known. */
export function realisedMetrics(
  task: 'binary' | 'regression',
  rows: Pick<EstimateRows, 'scores' | 'labels'>,
): Readonly<Record<string, number | null>> {
  if (task === 'binary') {
    const realised = realisedOf(binaryRows(rows));
    return { ...realised, [THRESHOLD_ACCURACY]: realised?.accuracy ?? null };
  }
  const { scores, labels } = rows;
  const metrics = Object.entries(REGRESSION).map(([metric, loss]) => {
    const losses = scores.map((score, i) => lossOf(loss, score, labels[i]));
    return [metric, meanLoss(losses, loss)] as const;
  });
  return Object.fromEntries(metrics);
}

/** The metric of the losses of some rows. */
function meanLoss(losses: Float64Array, loss: Loss): number {
  const mean = losses.reduce((sum, one) => sum + one, 0) / Math.max(1, losses.length);
  return loss === 'squared' ? Math.sqrt(mean) : mean;
}

function binaryRows({ scores, labels }: Pick<EstimateRows, 'scores' | 'labels'>): BinaryRows {
  return { scores, labels, predictions: scores.map((score) => (score >= THRESHOLD ? 1 : 0)) };
}

function fitRegression(known: EstimateRows, chunkRows: number): FittedEstimate {
  const code = columnCoder(withScore(known));
  const coded = code(withScore(known), known.scores.length);
  const metrics = Object.entries(REGRESSION).map(([metric, loss]) => {
    const losses = known.scores.map((score, i) => lossOf(loss, score, known.labels[i]));
    return { metric, loss, losses, estimate: fitDirectLoss(coded, losses, loss) };
  });
  return {
    limits: Object.fromEntries(
      metrics.map(({ metric, loss, losses }) => [metric, lossLimits(losses, loss, chunkRows)]),
    ),
    estimate: (window) => {
      const rows = window.scores.length;
      const own = code(withScore(window), rows);
      return Object.fromEntries(metrics.map(({ metric, estimate }) => [metric, estimate(own, rows)]));
    },
  };
}

/** The prediction is a column of the second model, too. */
function withScore({ features, scores }: EstimateRows): ReadonlyMap<string, ColumnValues> {
  return new Map([...features, ['\u0000prediction', scores]]);
}

function lossLimits(losses: Float64Array, loss: Loss, chunkRows: number): ChunkLimits | null {
  const rows = { scores: losses, predictions: losses, labels: losses };
  const realised = chunksOf(rows, chunkRows).map(({ scores }) => meanLoss(scores, loss));
  return chunkLimits(realised, 0, Number.MAX_VALUE);
}
