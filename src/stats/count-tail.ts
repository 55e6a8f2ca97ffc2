import { incompleteBeta } from './distributions/incomplete-beta.ts';
import { upperGamma } from './distributions/incomplete-gamma.ts';

/**
 * P(X ≤ count) of a count with the given mean and variance mean + dispersion · mean²: negative binomial (NIST DLMF 8.17.5 for its sum),
 * Poisson where the dispersion is 0. Null: the mean is not above 0, the dispersion is negative, or the count is.
 */
export function countTail(count: number, mean: number, dispersion: number): number | null {
  if (!(mean > 0) || !(dispersion >= 0) || !(count >= 0)) return null;
  const whole = Math.floor(count);
  if (dispersion < 1e-9) return upperGamma(whole + 1, mean);
  const size = 1 / dispersion;
  return incompleteBeta(size, whole + 1, size / (size + mean), mean / (size + mean));
}
