/** A confusion matrix in rows, which may be fractions where labels are estimated. */
export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

/** Labels on average: the expected matrix of predictions and calibrated probabilities. */
export function expectedConfusion(probabilities: ArrayLike<number>, predictions: ArrayLike<number>): Confusion {
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

export const CONFUSION_METRICS = ['accuracy', 'precision', 'recall', 'f1', 'specificity'] as const;

/** Null where a metric has no denominator. */
export function confusionMetric(
  { tp, fp, fn, tn }: Confusion,
  metric: (typeof CONFUSION_METRICS)[number],
): number | null {
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
