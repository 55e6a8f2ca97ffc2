/** The squared difference of a probability and its label, 1 or 0 (Brier 1950). */
export function brierScoreOf(probability: number, label: number): number {
  return (probability - label) ** 2;
}
