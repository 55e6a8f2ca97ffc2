/** Ascending bins of one measure with the counts of two groups. */
export interface BinnedPair {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Independent values of each group; left out: every value is. */
  readonly sizes?: { readonly a: number; readonly b: number };
}

export interface AnytimeKs {
  /** Largest difference of the two shares at or below a bin: the Kolmogorov–Smirnov distance of the binned values. */
  readonly distance: number;
  /** The distance is at least this, at every look together with chance 1 − alpha. */
  readonly atLeast: number;
}

/**
 * The Kolmogorov–Smirnov distance of two groups with an always-valid lower bound. Each empirical distribution stays within
 * 0.85 √((ln ln(e n) + 0.8 ln(1612/α)) / n) of the true one at all n ≥ 1 together with chance 1 − α (Howard and Ramdas 2022,
 * "Sequential estimation of quantiles", corollary 2); each group gets half of alpha. Bins can only make the distance smaller.
 */
export function anytimeKs({ a, b, sizes }: BinnedPair, alpha: number): AnytimeKs {
  const [na, nb] = [total(a), total(b)];
  if (na === 0 || nb === 0) return { distance: 0, atLeast: 0 };
  let [below, distance] = [0, 0];
  for (let i = 0; i < a.length; i += 1) {
    below += a[i] / na - b[i] / nb;
    distance = Math.max(distance, Math.abs(below));
  }
  return {
    distance,
    atLeast: Math.max(0, distance - width(sizes?.a ?? na, alpha / 2) - width(sizes?.b ?? nb, alpha / 2)),
  };
}

function width(n: number, alpha: number): number {
  return 0.85 * Math.sqrt((Math.log(Math.log(Math.E * n)) + 0.8 * Math.log(1612 / alpha)) / n);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
