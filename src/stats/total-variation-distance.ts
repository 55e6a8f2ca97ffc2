import { sharesOf } from './shares.ts';

/** ½·Σ |p − q| of two count vectors: 0 to 1. Null where one has no count. */
export function totalVariationDistance(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const p = sharesOf(a);
  const q = sharesOf(b);
  if (p === null || q === null) return null;
  return p.reduce((sum, share, i) => sum + Math.abs(share - q[i]), 0) / 2;
}

/** max |p − q| of two count vectors: the L∞ distance. Null where one has no count. */
export function largestShareChange(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const p = sharesOf(a);
  const q = sharesOf(b);
  if (p === null || q === null) return null;
  return p.reduce((most, share, i) => Math.max(most, Math.abs(share - q[i])), 0);
}
