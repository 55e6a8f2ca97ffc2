import { sha256Hex } from '../../base/hash/sha256.ts';

/**
 * Rows to label so that a share of about `rate` is known within ± `halfWidth` at any moment of looking, with error `alpha`:
 * the asymptotic confidence sequence of Robbins's normal mixture (Waudby-Smith et al. 2021, theorem 2.2), tuned to be
 * narrowest at the answer.
 */
export function auditSize(rate: number, halfWidth: number, alpha: number): number {
  const deviation = Math.sqrt(Math.max(rate * (1 - rate), 1e-6));
  let low = 1;
  let high = 2;
  while (sequenceWidth(high, alpha) * deviation > halfWidth && high < 1e9) high *= 2;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sequenceWidth(middle, alpha) * deviation > halfWidth) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Half the width after n values of deviation 1. */
function sequenceWidth(n: number, alpha: number): number {
  const rho2 = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / n;
  const mixed = n * rho2 + 1;
  return Math.sqrt(((2 * mixed) / (n * n * rho2)) * Math.log(Math.sqrt(mixed) / alpha));
}

/** The same ids for the same seed, whatever their order: those with the smallest hashes. */
export function drawAudit(ids: readonly string[], size: number, seed: number): readonly string[] {
  return [...new Set(ids)]
    .map((id) => ({ id, hash: sha256Hex(`${seed}/${id}`) }))
    .sort((a, b) => (a.hash === b.hash ? (a.id < b.id ? -1 : 1) : a.hash < b.hash ? -1 : 1))
    .slice(0, size)
    .map(({ id }) => id);
}
