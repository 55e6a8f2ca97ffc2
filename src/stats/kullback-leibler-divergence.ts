import { sharesOf } from './shares.ts';

/**
 * Σ p·ln(p/q) of two count vectors in nats; infinite where p has a share and q has none. `add` smooths both by adding to
 * each count. Null where one has no count.
 */
export function kullbackLeiblerDivergence(a: ArrayLike<number>, b: ArrayLike<number>, add = 0): number | null {
  const p = sharesOf(a, add);
  const q = sharesOf(b, add);
  if (p === null || q === null) return null;
  return Math.max(
    0,
    p.reduce((sum, share, i) => (share === 0 ? sum : sum + share * Math.log(share / q[i])), 0),
  );
}
