import { logGamma } from './log-gamma.ts';

const MOST_TERMS = 10_000;
const TINY = 1e-300;

/**
 * The regularised upper incomplete gamma function Q(a, x) for a > 0, x ≥ 0 (DLMF 8.2.4): the chance that a gamma variable
 * of shape a exceeds x. Series below a + 1, Legendre's continued fraction (DLMF 8.9.2) above it.
 */
export function gammaTail(a: number, x: number): number {
  if (!(a > 0) || !(x >= 0)) return Number.NaN;
  if (x === 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - scale * lowerSeries(a, x) : scale * upperFraction(a, x);
}

/** The chance that a chi-squared variable of `freedom` degrees exceeds `statistic`. */
export function chiSquareTail(statistic: number, freedom: number): number {
  return gammaTail(freedom / 2, statistic / 2);
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < MOST_TERMS && term > sum * 1e-17; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** Evaluated from the front by Lentz's method. */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let product = d;
  for (let n = 1; n < MOST_TERMS; n += 1) {
    const factor = -n * (n - a);
    b += 2;
    d = 1 / notZero(factor * d + b);
    c = notZero(b + factor / c);
    product *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return product;
}

function notZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
