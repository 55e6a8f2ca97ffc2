import { type Moments, varianceOf } from './moments.ts';

/** A sample by group: size and sum of group 0, of group 1, and so on. */
export type GroupSums = readonly number[];

/**
 * The variance of a sample's mean where values of one group are alike: as of independent values, or by leaving out one
 * group after the other, whichever is more. A group with most of the values, as a caller with most requests, leaves the
 * mean uncertain. Without groups the values count as independent.
 *
 * With K groups of n_k values and sum s_k, n values with mean m: (K − 1)/K Σ ((s_k − n_k m) / (n − n_k))² (the jackknife:
 * Cochran 1977, "Sampling Techniques", 6.17; its use for means of requests by user: Deng, Knoblich, Lu 2018).
 */
export function varianceOfMean(sample: Moments, groups: GroupSums): number {
  if (sample.n === 0) return 0;
  const independent = varianceOf(sample) / sample.n;
  let [filled, n, sum] = [0, 0, 0];
  for (let i = 0; i + 1 < groups.length; i += 2) {
    if (groups[i] === 0) continue;
    filled += 1;
    n += groups[i];
    sum += groups[i + 1];
  }
  if (filled === 0) return independent;
  // One group says nothing about others.
  if (filled === 1) return Number.POSITIVE_INFINITY;
  let squares = 0;
  for (let i = 0; i + 1 < groups.length; i += 2)
    if (groups[i] > 0) squares += ((groups[i + 1] - (groups[i] * sum) / n) / (n - groups[i])) ** 2;
  return Math.max(independent, ((filled - 1) / filled) * squares);
}

/** The number of independent values that would give a mean of this variance: between 1 and the sample's size. */
export function effectiveSize(sample: Moments, variance: number): number {
  const values = varianceOf(sample);
  if (variance <= 0 || sample.n === 0) return sample.n;
  return Math.min(sample.n, Math.max(1, values / variance));
}
