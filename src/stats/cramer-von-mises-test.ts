import { logGamma } from './distributions/log-gamma.ts';
import { midranks } from './midranks.ts';
import { sortedSample } from './sorted-sample.ts';

/** scipy's limit of `auto`: exact where the larger sample has at most this many values. */
const EXACT_MOST = 20;

/**
 * The two-sample Cramér–von Mises test (Anderson 1962), equal to scipy's `cramervonmises_2samp`: exact up to 20 values
 * in the larger sample without ties. Null when a sample is empty or has a NaN.
 */
export function cramerVonMisesTest(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  method: 'auto' | 'exact' | 'asymptotic' = 'auto',
): { readonly statistic: number; readonly p: number } | null {
  const first = sortedSample(x);
  const second = sortedSample(y);
  if (first === null || second === null) return null;
  const n = first.length;
  const m = second.length;
  const { ofX, ofY, ties } = midranks(first, second);
  const u = n * squares(ofX) + m * squares(ofY);
  const statistic = u / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m));
  const exact = method === 'exact' || (method === 'auto' && ties === 0 && Math.max(n, m) <= EXACT_MOST);
  return { statistic, p: exact ? exactP(u, n, m) : limitP(statistic, n, m) };
}

function squares(ranks: Float64Array): number {
  return ranks.reduce((sum, rank, i) => sum + (rank - i - 1) ** 2, 0);
}

function limitP(statistic: number, n: number, m: number): number {
  const all = n + m;
  const mean = (1 + 1 / all) / 6;
  const variance = ((all + 1) * (4 * n * m * all - 3 * (n * n + m * m) - 2 * n * m)) / (45 * all * all * 4 * n * m);
  const scaled = 1 / 6 + (statistic - mean) / Math.sqrt(45 * variance);
  return scaled < 0.003 ? 1 : Math.min(1, Math.max(0, 1 - limitCdf(scaled)));
}

/** The limit law: Anderson and Darling 1952, eq. 4.35. */
function limitCdf(x: number): number {
  let sum = 0;
  for (let k = 0; k < 40; k += 1) {
    const weight = Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(x));
    const y = 4 * k + 1;
    const q = (y * y) / (16 * x);
    const term = weight * Math.sqrt(y) * besselQuarter(q);
    sum += term;
    if (term < 1e-18) break;
  }
  return sum;
}

/** e^−q·K_¼(q): the trapezoid on ∫ exp(−q(1 + cosh t))·cosh(t/4) dt, which converges doubly exponentially (DLMF 10.32.9). */
function besselQuarter(q: number): number {
  const step = 1 / 64;
  let sum = Math.exp(-2 * q) / 2;
  for (let i = 1; i < 4000; i += 1) {
    const t = i * step;
    const term = Math.exp(-q * (1 + Math.cosh(t))) * Math.cosh(t / 4);
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return sum * step;
}

/** The share of orders with a statistic at least as large: frequencies by Anderson's recurrence over the lattice. */
function exactP(u: number, n: number, m: number): number {
  const lcm = (n * m) / greatestDivisor(n, m);
  const a = lcm / n;
  const b = lcm / m;
  const nm = n * m;
  const limit = Math.floor((lcm * lcm * (n + m) * (6 * u - nm * (4 * nm - 1))) / (6 * nm * nm) + 1e-9);
  let column: Map<number, number>[] = Array.from({ length: n + 1 }, (_, v) => new Map(v === 0 ? [[0, 1]] : []));
  for (let w = 0; w <= m; w += 1) {
    const next: Map<number, number>[] = [];
    let before = new Map<number, number>();
    for (let v = 0; v <= n; v += 1) {
      const here = new Map<number, number>();
      const cost = (a * v - b * w) ** 2;
      for (const source of [before, column[v]])
        for (const [value, ways] of source) here.set(value + cost, (here.get(value + cost) ?? 0) + ways);
      next.push(here);
      before = here;
    }
    column = next;
  }
  let above = 0;
  let all = 0;
  for (const [value, ways] of column[n]) {
    all += ways;
    if (value >= limit) above += ways;
  }
  return above / all;
}

function greatestDivisor(x: number, y: number): number {
  return y === 0 ? x : greatestDivisor(y, x % y);
}
