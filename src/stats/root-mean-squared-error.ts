import { exactMean } from './exact-sum.ts';

/** The square of a prediction's error. */
export function squaredErrorOf(prediction: number, label: number): number {
  return (label - prediction) ** 2;
}

/** The root of their mean, in the label's unit; null over nothing. */
export function rootMeanSquaredError(predictions: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const mean = exactMean(predictions, labels, squaredErrorOf);
  return mean === null ? null : Math.sqrt(mean);
}
