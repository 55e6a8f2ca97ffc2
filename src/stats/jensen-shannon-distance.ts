import { sharesOf } from './shares.ts';

/** √ of the Jensen–Shannon divergence of two count vectors: base 2 gives 0 to 1. Null where one has no count. */
export function jensenShannonDistance(a: ArrayLike<number>, b: ArrayLike<number>, base = 2): number | null {
  const p = sharesOf(a);
  const q = sharesOf(b);
  if (p === null || q === null) return null;
  const half = (share: number, other: number) => (share === 0 ? 0 : share * Math.log((2 * share) / (share + other)));
  const sum = p.reduce((total, share, i) => total + half(share, q[i]) + half(q[i], share), 0);
  return Math.sqrt(Math.max(0, sum) / 2 / Math.log(base));
}
