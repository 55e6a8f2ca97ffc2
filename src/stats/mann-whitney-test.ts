import { binomialTerm } from './distributions/deviance.ts';
import { normalSf } from './distributions/normal.ts';
import { midranks } from './midranks.ts';
import { sortedSample } from './sorted-sample.ts';
import type { Alternative } from './tail.ts';

/** scipy's limit of `auto`: exact where the smaller sample is at most so large and there are no ties. */
const EXACT_MOST = 8;

/** More orders than e^700 overflow a double: the normal law then stands for the exact one. */
const LOG_MOST = 700;

/**
 * The Mann–Whitney U test, equal to scipy 1.17's `mannwhitneyu`: U of the first sample, p exact for small samples
 * without ties, otherwise normal with the correction for ties and for continuity. Null when a sample is empty or has a
 * NaN.
 */
export function mannWhitneyTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  options: {
    readonly alternative?: Alternative;
    readonly method?: 'auto' | 'exact' | 'asymptotic';
    readonly continuity?: boolean;
  } = {},
): { readonly u: number; readonly p: number } | null {
  const { alternative = 'two-sided', method = 'auto', continuity = true } = options;
  const first = sortedSample(x);
  const second = sortedSample(y);
  if (first === null || second === null) return null;
  const n = first.length;
  const m = second.length;
  const { ofX, ties } = midranks(first, second);
  const u = ofX.reduce((sum, rank) => sum + rank, 0) - (n * (n + 1)) / 2;
  const side = alternative === 'greater' ? u : alternative === 'less' ? n * m - u : Math.max(u, n * m - u);
  const wanted = method === 'exact' || (method === 'auto' && Math.min(n, m) <= EXACT_MOST && ties === 0);
  const exact = wanted && logOrders(n, m) < LOG_MOST;
  const tail = exact ? exactTail(Math.floor(side), n, m) : normalTail(side, n, m, { ties, continuity });
  return { u, p: Math.min(1, alternative === 'two-sided' ? 2 * tail : tail) };
}

function normalTail(
  u: number,
  n: number,
  m: number,
  { ties, continuity }: { readonly ties: number; readonly continuity: boolean },
): number {
  const all = n + m;
  const spread = Math.sqrt(((n * m) / 12) * (all + 1 - ties / (all * (all - 1))));
  const gap = u - (n * m) / 2 - (continuity ? 0.5 : 0);
  if (spread === 0 || Number.isNaN(spread)) return 1;
  return normalSf(gap / spread);
}

/** P(U ≥ u), by the lower tail of the symmetric law, whose counts stay exact where they are few. */
function exactTail(u: number, n: number, m: number): number {
  const low = n * m - u;
  return low <= (n * m) / 2 ? lowerTail(low, n, m) : 1 - lowerTail(u - 1, n, m);
}

/** P(U ≤ u): the counts of U are the coefficients of a Gaussian binomial, multiplied out factor by factor. */
function lowerTail(u: number, n: number, m: number): number {
  if (u < 0) return 0;
  const small = Math.min(n, m);
  const large = Math.max(n, m);
  const counts = new Float64Array(u + 1);
  counts[0] = 1;
  for (let i = 1; i <= small; i += 1) {
    for (let k = u; k >= large + i; k -= 1) counts[k] -= counts[k - large - i];
    for (let k = i; k <= u; k += 1) counts[k] += counts[k - i];
  }
  return counts.reduce((sum, count) => sum + count, 0) / Math.exp(logOrders(n, m));
}

/** ln C(n + m, n). */
function logOrders(n: number, m: number): number {
  const all = n + m;
  return Math.log(binomialTerm(n, all, 0.5, 0.5)) + all * Math.LN2;
}
