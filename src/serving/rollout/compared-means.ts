import { effectiveSize, type GroupSums, varianceOfMean } from '../../stats/grouped-mean.ts';
import { mixtureSprt } from '../../stats/mixture-sprt.ts';
import { type Moments, varianceOf } from '../../stats/moments.ts';

/** Values of each group from which on their means are tested. */
export const MEANS_FROM = 50;

/** Standard deviation of the prior of a difference, in those of the values. */
export const PRIOR_SD = 0.1;

/** Values of one lane, and their sums by group of callers. */
export interface LaneValues {
  readonly sample: Moments;
  readonly groups: GroupSums;
}

export interface ComparedMeans {
  /** Bounds of the candidate's mean less the other's, valid at every look together; null: there is too little to say. */
  readonly low: number | null;
  readonly high: number | null;
  /** Independent values of each lane: fewer than values where callers with many requests differ. */
  readonly candidateEffective: number;
  readonly otherEffective: number;
}

/**
 * Compares the means of two lanes. A caller keeps its lane, so its requests are not independent: callers that differ, or
 * one that sends most requests, widen the interval as far as they differ. At least two groups of callers are needed.
 */
export function comparedMeans(candidate: LaneValues, other: LaneValues, alpha: number): ComparedMeans {
  const [a, b] = [other.sample, candidate.sample];
  const [ofA, ofB] = [varianceOfMean(a, other.groups), varianceOfMean(b, candidate.groups)];
  const sizes = { candidateEffective: effectiveSize(b, ofB), otherEffective: effectiveSize(a, ofA) };
  if (Math.min(a.n, b.n) < MEANS_FROM || !Number.isFinite(ofA + ofB)) return { low: null, high: null, ...sizes };
  const [varA, varB] = [varianceOf(a), varianceOf(b)];
  // Differences smaller than those between callers are not worth looking for.
  const between = ofA + ofB - varA / a.n - varB / b.n;
  const tau2 = (PRIOR_SD * PRIOR_SD * (varA + varB)) / 2 + between;
  const means = { na: a.n, nb: b.n, meanA: a.mean, meanB: b.mean };
  const { low, high } = mixtureSprt({ ...means, varA: ofA * a.n, varB: ofB * b.n, tau2, alpha });
  return { low, high, ...sizes };
}

/**
 * The always-valid interval of a mean of differences: the mixture test against a group that is exactly 0. `groups`: sums by group of
 * callers, whose requests are not independent; empty: they are. Null: there is too little to say.
 */
export function pairedInterval(
  moments: Moments,
  groups: GroupSums,
  alpha: number,
): { readonly low: number; readonly high: number } | null {
  const { n, mean } = moments;
  const ofMean = varianceOfMean(moments, groups);
  if (n < 2 || !Number.isFinite(ofMean)) return null;
  const variance = varianceOf(moments);
  const tau2 = PRIOR_SD * PRIOR_SD * variance + (ofMean - variance / n);
  const means = { na: n, nb: n, meanA: 0, meanB: mean, varA: 0, varB: ofMean * n };
  const { low, high } = mixtureSprt({ ...means, tau2, alpha });
  return { low, high };
}
