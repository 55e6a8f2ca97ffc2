import { incompleteBeta } from './incomplete-beta.ts';

/** P(T > t) of Student's t with `df` > 0 degrees of freedom. */
export function studentTSf(t: number, df: number): number {
  if (t < 0) return 1 - studentTSf(-t, df);
  if (t === Number.POSITIVE_INFINITY) return 0;
  const square = t * t;
  return incompleteBeta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2;
}
