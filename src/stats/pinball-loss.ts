import { exactMean } from './exact-sum.ts';

/**
 * The loss of a prediction of a quantile (Koenker and Bassett 1978): an error below the label costs `quantile` of it, one
 * above costs the rest. Lowest on average at the true quantile.
 */
export function pinballLossOf(quantile: number, prediction: number, label: number): number {
  const error = label - prediction;
  return error >= 0 ? quantile * error : (quantile - 1) * error;
}

/** Their mean, in the label's unit; null over nothing. */
export function pinballLoss(
  quantile: number,
  predictions: ArrayLike<number>,
  labels: ArrayLike<number>,
): number | null {
  return exactMean(predictions, labels, (prediction, label) => pinballLossOf(quantile, prediction, label));
}
