import { exactMean } from './exact-sum.ts';

/** The squared difference of a probability and its label, 1 or 0 (Brier 1950). */
export function brierScoreOf(probability: number, label: number): number {
  return (probability - label) ** 2;
}

/** Their mean, from 0 (best) to 1; null over nothing. */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  return exactMean(probabilities, labels, brierScoreOf);
}
