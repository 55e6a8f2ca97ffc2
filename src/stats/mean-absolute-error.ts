import { exactMean } from './exact-sum.ts';

/** How far a prediction lies from its label, in the label's unit. */
export function absoluteErrorOf(prediction: number, label: number): number {
  return Math.abs(label - prediction);
}

/** Their mean; null over nothing. */
export function meanAbsoluteError(predictions: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  return exactMean(predictions, labels, absoluteErrorOf);
}
