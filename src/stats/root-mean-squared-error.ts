/** The square of a prediction's error. */
export function squaredErrorOf(prediction: number, label: number): number {
  return (label - prediction) ** 2;
}
