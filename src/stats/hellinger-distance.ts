import { sharesOf } from './shares.ts';

/** √(½·Σ (√p − √q)²) of two count vectors: 0 to 1. Null where one has no count. */
export function hellingerDistance(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const p = sharesOf(a);
  const q = sharesOf(b);
  if (p === null || q === null) return null;
  return Math.sqrt(p.reduce((sum, share, i) => sum + (Math.sqrt(share) - Math.sqrt(q[i])) ** 2, 0) / 2);
}
