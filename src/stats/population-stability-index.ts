import { chiSquareSf } from './distributions/chi-square.ts';
import { sharesOf } from './shares.ts';

export interface StabilityIndex {
  /** Σ (p − q)·ln(p/q) over smoothed, renormalised shares. */
  readonly psi: number;
  /** Without the part that two samples of one distribution have: max(0, PSI − (B − 1)(1/n + 1/m)). */
  readonly debiased: number;
  /** P of a PSI as large without drift: PSI ≈ (1/n + 1/m)·χ² with B − 1 degrees of freedom. */
  readonly p: number;
  /** Bins that hold a count. */
  readonly bins: number;
}

/**
 * The population stability index of two count vectors over the same bins. `add` (½) is added to every count, and the
 * shares are renormalised, so that an empty bin is no infinity. Bins that are empty in both are left out. Null where
 * one has no count.
 */
export function populationStabilityIndex(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  add = 0.5,
): StabilityIndex | null {
  const kept = Array.from(reference, (_, i) => i).filter((i) => reference[i] + current[i] > 0);
  const n = kept.reduce((sum, i) => sum + reference[i], 0);
  const m = kept.reduce((sum, i) => sum + current[i], 0);
  if (!(n > 0 && m > 0)) return null;
  const p = sharesOf(
    kept.map((i) => reference[i]),
    add,
  );
  const q = sharesOf(
    kept.map((i) => current[i]),
    add,
  );
  if (p === null || q === null) return null;
  const psi = Math.max(
    0,
    p.reduce((sum, share, i) => sum + stabilityTerm(share, q[i]), 0),
  );
  const scale = 1 / n + 1 / m;
  const df = kept.length - 1;
  return { psi, debiased: Math.max(0, psi - df * scale), p: chiSquareSf(psi / scale, df), bins: kept.length };
}

function stabilityTerm(share: number, other: number): number {
  if (share === other) return 0;
  return (share - other) * Math.log(share / other);
}
