/**
 * The loss of a prediction of a quantile (Koenker and Bassett 1978): an error below the label costs `quantile` of it, one
 * above costs the rest. Lowest on average at the true quantile.
 */
export function pinballLossOf(quantile: number, prediction: number, label: number): number {
  const error = label - prediction;
  return error >= 0 ? quantile * error : (quantile - 1) * error;
}
