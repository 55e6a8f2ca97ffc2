import { binomialTerm } from './deviance.ts';

const TINY = 1e-300;

/** I_x(a, b), the regularised incomplete beta function, with `y` = 1 − x. */
export function incompleteBeta(a: number, b: number, x: number, y: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  return x < (a + 1) / (a + b + 2) ? lower(a, b, x, y) : 1 - lower(b, a, y, x);
}

/** Lentz's method on the continued fraction of DLMF 8.17.22. */
function lower(a: number, b: number, x: number, y: number): number {
  let c = 1;
  let d = clamp(1 - ((a + b) * x) / (a + 1));
  d = 1 / d;
  let h = d;
  for (let m = 1; m < 100_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / clamp(1 + even * d);
    c = clamp(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / clamp(1 + odd * d);
    c = clamp(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return (binomialTerm(a, a + b, x, y) * b * h) / (a + b);
}

function clamp(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
