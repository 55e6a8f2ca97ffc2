import { upperGamma } from './incomplete-gamma.ts';

/** P(X > x) of χ² with `df` degrees of freedom; 1 where nothing is free. */
export function chiSquareSf(x: number, df: number): number {
  return df <= 0 ? 1 : upperGamma(df / 2, x / 2);
}
