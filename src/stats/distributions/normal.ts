import { lowerGamma, upperGamma } from './incomplete-gamma.ts';

/** P(Z > z), precise in the tail. */
export function normalSf(z: number): number {
  const half = (z * z) / 2;
  if (z > 0) return half < 1.5 ? 0.5 - lowerGamma(0.5, half) / 2 : upperGamma(0.5, half) / 2;
  return 0.5 + lowerGamma(0.5, half) / 2;
}
