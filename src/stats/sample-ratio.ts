import { chiSquareSf } from './distributions/chi-square.ts';

/** Below this chance the assignment of requests is taken to be broken. */
const INVALID_BELOW = 0.001;

export interface SampleRatio {
  /** Pearson's statistic. */
  readonly chi2: number;
  /** Chance of a larger one, were the groups filled by their shares. */
  readonly p: number;
  /** p < 0.001: the comparison of the groups is not to be trusted. */
  readonly invalid: boolean;
}

/** Tests whether groups have the sizes that their shares (which sum to 1) give: Pearson's chi-squared test. */
export function sampleRatio(sizes: readonly number[], shares: readonly number[]): SampleRatio {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return { chi2: 0, p: 1, invalid: false };
  let chi2 = 0;
  sizes.forEach((size, i) => {
    const expected = total * shares[i];
    chi2 += (size - expected) ** 2 / expected;
  });
  const p = chiSquareSf(chi2, sizes.length - 1);
  return { chi2, p, invalid: p < INVALID_BELOW };
}
