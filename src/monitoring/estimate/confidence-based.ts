import { auc } from '../../stats/auc.ts';
import { calibrateScores, probabilitiesOf, type ScoreCalibrator } from './calibrate-scores.ts';
import { type ChunkLimits, chunkLimits } from './chunk-limits.ts';
import { estimatedAuc } from './estimated-auc.ts';

/** A confusion matrix in rows, which may be fractions where labels are estimated. */
export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

/** Labels on average: the expected matrix of predictions and calibrated probabilities. */
function expectedConfusion(probabilities: ArrayLike<number>, predictions: ArrayLike<number>): Confusion {
  let [tp, fp, fn, tn] = [0, 0, 0, 0];
  for (let i = 0; i < probabilities.length; i += 1) {
    const p = probabilities[i];
    if (predictions[i] === 1) {
      tp += p;
      fp += 1 - p;
    } else {
      fn += p;
      tn += 1 - p;
    }
  }
  return { tp, fp, fn, tn };
}

const CONFUSION_METRICS = ['accuracy', 'precision', 'recall', 'f1', 'specificity'] as const;

/** Null where a metric has no denominator. */
function confusionMetric({ tp, fp, fn, tn }: Confusion, metric: (typeof CONFUSION_METRICS)[number]): number | null {
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  switch (metric) {
    case 'accuracy':
      return share(tp + tn, tp + fp + fn + tn);
    case 'precision':
      return share(tp, tp + fp);
    case 'recall':
      return share(tp, tp + fn);
    case 'f1':
      return share(2 * tp, 2 * tp + fp + fn);
    case 'specificity':
      return share(tn, tn + fp);
    default:
      return metric satisfies never;
  }
}

export const BINARY_METRICS = ['auc', ...CONFUSION_METRICS] as const;
export type BinaryMetric = (typeof BINARY_METRICS)[number];

/** Rows of a binary model: a score, the prediction 0 or 1 and, where it is known, the label. */
export interface BinaryRows {
  readonly scores: Float64Array;
  readonly predictions: Float64Array;
  /** NaN: not known yet. */
  readonly labels: Float64Array;
}

export interface ConfidenceBased {
  readonly calibrator: ScoreCalibrator;
  readonly limits: Readonly<Record<BinaryMetric, ChunkLimits | null>>;
  /** Standard errors of a chunk's realised AUC and accuracy, by its rows. */
  readonly error: (metric: 'auc' | 'accuracy', rows: number) => number | null;
}

/** The estimates of one chunk, with the realised values where all its labels are known. */
export interface ChunkEstimate {
  readonly rows: number;
  readonly estimated: Readonly<Record<BinaryMetric, number | null>>;
  readonly realised: Readonly<Record<BinaryMetric, number | null>> | null;
  readonly confusion: Confusion;
  /** Metrics whose estimate is below (worse) or above (better) the reference's limits. */
  readonly alerts: Readonly<Partial<Record<BinaryMetric, 'below' | 'above'>>>;
}

/**
 * Confidence-based performance estimation (NannyML's CBPE): the metrics of a binary model if its calibrated
 * scores are right. It cannot see a change in the meaning of scores. `chunkRows` cuts the reference for the limits.
 */
export function fitConfidenceBased(reference: BinaryRows, chunkRows: number, seed: number): ConfidenceBased {
  const calibrator = calibrateScores(reference.scores, reference.labels, seed);
  const realised = chunksOf(reference, chunkRows).map((chunk) => realisedOf(chunk));
  const limit = (metric: BinaryMetric) =>
    chunkLimits(
      realised.map((one) => one?.[metric] ?? null),
      0,
      1,
    );
  return {
    calibrator,
    limits: metricsOf(limit),
    error: (metric, rows) => (metric === 'auc' ? aucError(reference, rows) : accuracyError(reference, rows)),
  };
}

export function estimateChunk(fitted: ConfidenceBased, chunk: BinaryRows): ChunkEstimate {
  const probabilities = probabilitiesOf(fitted.calibrator, chunk.scores);
  const confusion = expectedConfusion(probabilities, chunk.predictions);
  const estimated = metricsOf((metric) =>
    metric === 'auc' ? estimatedAuc(chunk.scores, probabilities) : confusionMetric(confusion, metric),
  );
  const alerts: Partial<Record<BinaryMetric, 'below' | 'above'>> = {};
  for (const metric of BINARY_METRICS) {
    const [value, limits] = [estimated[metric], fitted.limits[metric]];
    if (value === null || limits === null) continue;
    if (value < limits.lower) alerts[metric] = 'below';
    else if (value > limits.upper) alerts[metric] = 'above';
  }
  return { rows: chunk.scores.length, estimated, realised: realisedOf(chunk), confusion, alerts };
}

/** Consecutive chunks of `chunkRows` rows; the rest goes to the last. */
export function chunksOf(rows: BinaryRows, chunkRows: number): readonly BinaryRows[] {
  const count = Math.max(1, Math.floor(rows.scores.length / chunkRows));
  return Array.from({ length: count }, (_, c) => {
    const [from, to] = [c * chunkRows, c === count - 1 ? rows.scores.length : (c + 1) * chunkRows];
    return {
      scores: rows.scores.subarray(from, to),
      predictions: rows.predictions.subarray(from, to),
      labels: rows.labels.subarray(from, to),
    };
  });
}

/** The metrics of rows whose labels are all known; null where one is not. */
export function realisedOf({
  scores,
  predictions,
  labels,
}: BinaryRows): Readonly<Record<BinaryMetric, number | null>> | null {
  if (labels.length === 0 || labels.some(Number.isNaN)) return null;
  const confusion = expectedConfusion(labels, predictions);
  return metricsOf((metric) => (metric === 'auc' ? auc(scores, labels) : confusionMetric(confusion, metric)));
}

function metricsOf<T>(of: (metric: BinaryMetric) => T): Record<BinaryMetric, T> {
  return {
    auc: of('auc'),
    accuracy: of('accuracy'),
    precision: of('precision'),
    recall: of('recall'),
    f1: of('f1'),
    specificity: of('specificity'),
  };
}

function accuracyError({ predictions, labels }: BinaryRows, rows: number): number | null {
  if (labels.length === 0 || rows === 0) return null;
  const right = labels.reduce((sum, label, i) => sum + (label === predictions[i] ? 1 : 0), 0) / labels.length;
  return Math.sqrt((right * (1 - right)) / rows);
}

/** sd of the share of negatives below each positive, over √positives; the rarer class counts as positive. */
function aucError({ scores, labels }: BinaryRows, rows: number): number | null {
  const n = labels.length;
  const mean = labels.reduce((sum, label) => sum + label, 0) / n;
  const sign = mean > 0.5 ? -1 : 1;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => sign * (scores[a] - scores[b]));
  const positive = (row: number) => (sign === 1 ? labels[row] === 1 : labels[row] === 0);
  const negatives = labels.reduce((sum, _, i) => sum + (positive(i) ? 0 : 1), 0);
  const shares: number[] = [];
  let below = 0;
  for (let from = 0; from < n; ) {
    let to = from;
    let tied = 0;
    while (to < n && scores[order[to]] === scores[order[from]]) {
      if (!positive(order[to])) tied += 1;
      to += 1;
    }
    for (let i = from; i < to; i += 1) if (positive(order[i])) shares.push((below + tied / 2) / negatives);
    below += tied;
    from = to;
  }
  if (shares.length === 0 || negatives === 0 || rows === 0) return null;
  const centre = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - centre) ** 2, 0) / shares.length;
  return Math.sqrt(variance / (rows * (shares.length / n)));
}
