import { incompleteBeta } from './incomplete-beta.ts';

/** P(F > x) of Fisher's F with `a` and `b` > 0 degrees of freedom, whole or not. */
export function fisherFSf(x: number, a: number, b: number): number {
  if (!(x > 0)) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const scaled = a * x;
  return incompleteBeta(b / 2, a / 2, b / (b + scaled), scaled / (b + scaled));
}

const MOST_STEPS = 200;

/** The x with P(F > x) = p, 0 < p < 1, by halving on a logarithmic scale. */
export function fisherFUpperQuantile(p: number, a: number, b: number): number {
  let [low, high] = [-700, 700];
  for (let step = 0; step < MOST_STEPS && high - low > 1e-14 * Math.max(1, Math.abs(low)); step += 1) {
    const middle = (low + high) / 2;
    if (fisherFSf(Math.exp(middle), a, b) > p) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}
