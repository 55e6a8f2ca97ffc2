/** Two groups by their sizes, means and variances, and the test's own settings. */
export interface MeansCompared {
  readonly na: number;
  readonly nb: number;
  readonly meanA: number;
  readonly meanB: number;
  readonly varA: number;
  readonly varB: number;
  /** Variance of the normal prior of the difference: the square of a difference worth finding. */
  readonly tau2: number;
  /** Chance of a false alarm over all looks together. */
  readonly alpha: number;
}

/** The mixture likelihood ratio of two means at one look. */
export interface MixtureSprt {
  /** Mean of b less mean of a. */
  readonly difference: number;
  /** Variance of that difference. */
  readonly variance: number;
  /** Natural logarithm of the mixture likelihood ratio. */
  readonly logRatio: number;
  /** min(1, 1/ratio): the smallest over all looks so far is an always-valid p-value. */
  readonly p: number;
  /** Whether the ratio exceeds 1/alpha. */
  readonly stops: boolean;
  /** The always-valid interval of the difference: it holds the true one at every look together with chance 1 − alpha. */
  readonly low: number;
  readonly high: number;
  /** The classic statistic, for comparison: not valid at more than one look. */
  readonly z: number;
}

/**
 * The mixture sequential probability ratio test of a difference of means with a normal prior (Johari, Pekelis, Walsh 2015,
 * "Always valid inference"): valid at any number of looks. With V the variance of the difference d,
 * ln L = ½ ln(V / (V + τ²)) + d² τ² / (2 V (V + τ²)).
 *
 * Groups of one value each have V = 0: an equal mean is then no evidence, another one is certain.
 */
export function mixtureSprt({ na, nb, meanA, meanB, varA, varB, tau2, alpha }: MeansCompared): MixtureSprt {
  const difference = meanB - meanA;
  const variance = varA / na + varB / nb;
  if (variance === 0) {
    const logRatio = difference === 0 ? 0 : Number.POSITIVE_INFINITY;
    const stops = logRatio > 0;
    return { difference, variance, logRatio, p: stops ? 0 : 1, stops, low: difference, high: difference, z: logRatio };
  }
  const total = variance + tau2;
  const logRatio = 0.5 * Math.log(variance / total) + (difference * difference * tau2) / (2 * variance * total);
  const half = Math.sqrt(((variance * total) / tau2) * (Math.log(total / variance) - 2 * Math.log(alpha)));
  return {
    difference,
    variance,
    logRatio,
    p: Math.min(1, Math.exp(-logRatio)),
    stops: logRatio > -Math.log(alpha),
    low: difference - half,
    high: difference + half,
    z: difference / Math.sqrt(variance),
  };
}
