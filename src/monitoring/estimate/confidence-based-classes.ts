import { auc } from '../../stats/auc.ts';
import { calibrateScores, probabilitiesOf } from './calibrate-scores.ts';
import { estimatedAuc } from './estimated-auc.ts';

/** Rows of a model with several classes: a score for each class, and the label's class where it is known (−1: not). */
export interface ClassRows {
  /** One array for each class. */
  readonly scores: readonly Float64Array[];
  readonly labels: Int32Array;
}

export interface ClassEstimate {
  /** Mean over the classes of one against the rest. */
  readonly auc: number | null;
  readonly accuracy: number | null;
}

/**
 * The same estimate for several classes: each class against the rest is calibrated on the reference, then the
 * probabilities of a row are scaled to sum to 1 (NannyML). A prediction is the class of the highest score.
 */
export function fitClassEstimate(reference: ClassRows, seed: number): (rows: ClassRows) => ClassEstimate {
  const calibrators = reference.scores.map((scores, c) =>
    calibrateScores(
      scores,
      Float64Array.from(reference.labels, (label) => (label === c ? 1 : 0)),
      seed,
    ),
  );
  return (rows) => {
    const raw = rows.scores.map((scores, c) => probabilitiesOf(calibrators[c], scores).slice());
    for (let i = 0; i < rows.labels.length; i += 1) {
      const sum = raw.reduce((total, one) => total + one[i], 0);
      for (const one of raw) one[i] = sum === 0 ? 1 / raw.length : one[i] / sum;
    }
    let right = 0;
    for (let i = 0; i < rows.labels.length; i += 1) right += raw[highest(rows.scores, i)][i];
    return {
      auc: mean(rows.scores.map((scores, c) => estimatedAuc(scores, raw[c]))),
      accuracy: rows.labels.length === 0 ? null : right / rows.labels.length,
    };
  };
}

/** The realised values; null where a label is not known. */
export function realisedClasses({ scores, labels }: ClassRows): ClassEstimate | null {
  if (labels.length === 0 || labels.some((label) => label < 0)) return null;
  const right = labels.reduce((sum, label, i) => sum + (highest(scores, i) === label ? 1 : 0), 0);
  return {
    auc: mean(
      scores.map((one, c) =>
        auc(
          one,
          Float64Array.from(labels, (label) => (label === c ? 1 : 0)),
        ),
      ),
    ),
    accuracy: right / labels.length,
  };
}

function highest(scores: readonly Float64Array[], row: number): number {
  let best = 0;
  for (let c = 1; c < scores.length; c += 1) if (scores[c][row] > scores[best][row]) best = c;
  return best;
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length || known.length === 0
    ? null
    : known.reduce((sum, value) => sum + value, 0) / known.length;
}
