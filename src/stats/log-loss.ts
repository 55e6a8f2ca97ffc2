import { exactMean } from './exact-sum.ts';

/** Probabilities are kept this far from 0 and 1, so that one wrong certainty does not make the mean infinite. */
export const LOG_LOSS_EPSILON = 1e-7;

/** The loss of one prediction, in nats: −ln of the predicted probability of the actual outcome. */
export function logLossOf(probability: number, label: number): number {
  const p = Math.min(1 - LOG_LOSS_EPSILON, Math.max(LOG_LOSS_EPSILON, probability));
  return label === 1 ? -Math.log(p) : -Math.log1p(-p);
}

/** The mean loss in nats; null over nothing. */
export function logLoss(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  return exactMean(probabilities, labels, logLossOf);
}
