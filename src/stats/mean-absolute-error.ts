/** How far a prediction lies from its label, in the label's unit. */
export function absoluteErrorOf(prediction: number, label: number): number {
  return Math.abs(label - prediction);
}
