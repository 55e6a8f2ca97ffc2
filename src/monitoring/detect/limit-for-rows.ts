import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { limitOf } from './calibrate.ts';

/** Chance that one feature of one quiet window is beyond the limit: 100 features an hour are then quiet for a quarter, with 2 of 3 windows. */
const Z = 4.265;

/**
 * The limit of the debiased PSI for a window of `rows`, from the reference's chunks, which may be larger. Mean + 3 sd of the chunks is its least. A window that is
 * smaller than a chunk varies more, and rows that depend on each other vary as fewer independent ones would: PSI is about
 * a + d (B − 1)(1/n + 1/m). Chunks and pairs of chunks give a, which does not fall with the size, and d, the design effect (Kish 1965).
 * The limit is the quantile of d χ² of B − 1 degrees at 1e-5 (Wilson and Hilferty 1931).
 */
export function limitForRows(
  parts: readonly Float64Array[],
  rows: number,
): { readonly psi: number; readonly chunks: number } | null {
  const usual = limitOf(parts);
  if (usual === null || rows <= 0) return usual;
  const whole = sumOf(parts);
  const free = whole.filter((count) => count > 0).length - 1;
  if (free < 1) return usual;
  const all = total(whole);
  const [single, double] = [spreadOf(parts, whole, free), spreadOf(pairsOf(parts), whole, free)];
  const slope = (single.psi - double.psi) / Math.max(1e-12, single.noise - double.noise);
  const effect = Math.max(1, Math.min(slope, single.psi / single.noise));
  const level = Math.max(0, single.psi - effect * single.noise);
  const noise = free * (1 / rows + 1 / all);
  const quantile = (1 - 2 / (9 * free) + Z * Math.sqrt(2 / (9 * free))) ** 3;
  return { ...usual, psi: Math.max(usual.psi, level + noise * (effect * quantile - 1)) };
}

/** The mean PSI of parts against the rest, and what independent rows would have. */
function spreadOf(
  parts: readonly Float64Array[],
  whole: Float64Array,
  free: number,
): { readonly psi: number; readonly noise: number } {
  const all = total(whole);
  let [psi, noise] = [0, 0];
  for (const part of parts) {
    const rest = whole.map((count, i) => count - part[i]);
    psi += populationStabilityIndex(rest, part)?.psi ?? 0;
    const own = total(part);
    noise += free * (1 / Math.max(1, own) + 1 / Math.max(1, all - own));
  }
  return { psi: psi / parts.length, noise: noise / parts.length };
}

function pairsOf(parts: readonly Float64Array[]): readonly Float64Array[] {
  return Array.from({ length: parts.length >> 1 }, (_, i) => sumOf([parts[2 * i], parts[2 * i + 1]]));
}

function sumOf(parts: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(parts[0].length);
  for (const part of parts) for (let i = 0; i < part.length; i += 1) sum[i] += part[i];
  return sum;
}

function total(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
