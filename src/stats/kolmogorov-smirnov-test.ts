import { kolmogorovSmirnovSf } from './distributions/kolmogorov-smirnov.ts';
import { sortedSample } from './sorted-sample.ts';
import type { Alternative } from './tail.ts';

/** The largest distance of two empirical distributions. */
export interface KolmogorovSmirnov {
  readonly statistic: number;
  readonly p: number;
  /** The value at which the distance is largest. */
  readonly location: number;
  /** 1: the first sample's distribution function is above there, so its values are lower; −1: below. */
  readonly sign: 1 | -1;
}

export type KolmogorovSmirnovMethod = 'auto' | 'exact' | 'asymptotic';

/** scipy's limit of `auto`: exact up to this size of the larger sample. */
const EXACT_MOST = 10_000;

/**
 * The two-sample Kolmogorov–Smirnov test, equal to scipy 1.17's `ks_2samp`: `auto` counts lattice paths up to 10,000
 * values and then uses the finite-sample law. Null when a sample is empty or has a NaN.
 */
export function kolmogorovSmirnovTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  alternative: Alternative = 'two-sided',
  method: KolmogorovSmirnovMethod = 'auto',
): KolmogorovSmirnov | null {
  const first = sortedSample(x);
  const second = sortedSample(y);
  if (first === null || second === null) return null;
  const distance = largestDistance(first, second, alternative);
  const exact = method === 'exact' || (method === 'auto' && Math.max(first.length, second.length) <= EXACT_MOST);
  const p = exact
    ? exactP(distance.statistic, first.length, second.length, alternative)
    : asymptoticP(distance.statistic, first.length, second.length, alternative);
  return { ...distance, p: Math.min(1, Math.max(0, p)) };
}

function largestDistance(x: Float64Array, y: Float64Array, alternative: Alternative): Omit<KolmogorovSmirnov, 'p'> {
  let above = Number.NEGATIVE_INFINITY;
  let below = Number.NEGATIVE_INFINITY;
  let aboveAt = x[0];
  let belowAt = x[0];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    const value = i < x.length && (j >= y.length || x[i] <= y[j]) ? x[i] : y[j];
    while (i < x.length && x[i] === value) i += 1;
    while (j < y.length && y[j] === value) j += 1;
    const gap = i / x.length - j / y.length;
    if (gap > above) {
      above = gap;
      aboveAt = value;
    }
    if (-gap > below) {
      below = -gap;
      belowAt = value;
    }
  }
  const up = { statistic: Math.max(0, above), location: aboveAt, sign: 1 } as const;
  const down = { statistic: Math.max(0, below), location: belowAt, sign: -1 } as const;
  if (alternative === 'less') return down;
  if (alternative === 'greater') return up;
  return below > above ? down : up;
}

/** P of a distance at least as large, of n and m values (scipy's `kstwo` and Hodges 1957, eq. 5.3, for one side). */
export function asymptoticP(d: number, n: number, m: number, alternative: Alternative = 'two-sided'): number {
  const large = Math.max(n, m);
  const small = Math.min(n, m);
  const en = (large * small) / (large + small);
  if (alternative === 'two-sided') return kolmogorovSmirnovSf(d, Math.max(1, evenRound(en)));
  const z = Math.sqrt(en) * d;
  return Math.exp(-2 * z * z - (2 * z * (large + 2 * small)) / Math.sqrt(large * small * (large + small)) / 3);
}

/** numpy's rounding: half to even. */
function evenRound(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * The exact probability: with D rounded to a multiple of 1/lcm, the share of lattice paths from (0, 0) to (n, m) that
 * leave the band (Hodges 1957). P(x, y) of a path through (x, y) mixes its two predecessors, so nothing overflows.
 */
export function exactP(d: number, n: number, m: number, alternative: Alternative): number {
  const divisor = greatestDivisor(n, m);
  const h = Math.round(d * ((n / divisor) * m));
  if (h === 0) return 1;
  if (n === m) return equalSizes(n, h, alternative);
  return outside(Math.max(n, m), Math.min(n, m), h, divisor, alternative);
}

function equalSizes(n: number, h: number, alternative: Alternative): number {
  if (alternative !== 'two-sided') return reflected(n, h);
  let p = 0;
  for (let k = Math.floor(n / h); k >= 1; k -= 1) p = reflected(n, k * h) - p;
  return 2 * p;
}

/** C(2n, n − h) / C(2n, n). */
function reflected(n: number, h: number): number {
  let product = 1;
  for (let j = 0; j < h; j += 1) product *= (n - j) / (n + j + 1);
  return product;
}

function outside(m: number, n: number, h: number, divisor: number, alternative: Alternative): number {
  const stepM = m / divisor;
  const stepN = n / divisor;
  const twoSided = alternative === 'two-sided';
  // The boundary of one side is symmetric: reversed paths swap the sides.
  const column = new Float64Array(n + 1).fill(1);
  for (let j = 0; j <= n; j += 1) column[j] = twoSided && j * stepM >= h ? 1 : 0;
  for (let i = 0; i <= m; i += 1) {
    const least = Math.max(0, Math.floor((stepN * i - h) / stepM) + 1);
    const most = twoSided ? Math.min(n, Math.ceil((stepN * i + h) / stepM) - 1) : n;
    let below = 1;
    for (let j = 0; j < Math.min(least, n + 1); j += 1) column[j] = 1;
    for (let j = least; j <= most; j += 1) {
      if (i + j > 0) {
        const before = j === least && least > 0 ? 1 : below;
        below = (column[j] * i + (j === 0 ? 0 : before * j)) / (i + j);
      } else below = 0;
      column[j] = below;
    }
    for (let j = most + 1; j <= n && j <= most + 2; j += 1) column[j] = 1;
  }
  return column[n];
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
