import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { LEAST_CHUNKS, limitOf } from './calibrate.ts';

/** Chance that one feature of one quiet window is beyond the limit: 100 features an hour are then quiet for a quarter, with 2 of 3 windows. */
const Z = 4.265;

/** Counts of one chunk over bins, and of the rows that it is compared with. */
export interface ValueLook {
  readonly part: Float64Array;
  readonly rest: Float64Array;
}

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
  const free = freeOf(whole);
  if (free < 1) return usual;
  const all = total(whole);
  const [single, double] = [spreadOf(looksAt(parts, whole), free), spreadOf(looksAt(pairsOf(parts), whole), free)];
  const slope = (single.psi - double.psi) / Math.max(1e-12, single.noise - double.noise);
  const effect = Math.max(1, Math.min(slope, single.psi / single.noise));
  const level = Math.max(0, single.psi - effect * single.noise);
  const noise = free * (1 / rows + 1 / all);
  return { ...usual, psi: Math.max(usual.psi, level + noise * (effect * quantileOf(free, Z) - 1)) };
}

/** How much rows of a reference depend on each other, by looks at its chunks with matched hours. */
export interface Dependence {
  /** Degrees of freedom of the bins. */
  readonly free: number;
  /** The design effect: PSI in units of that of independent rows. */
  readonly effect: number;
  readonly looks: readonly ValueLook[];
}

/** Null: too few chunks, or one value. No level is taken off: hours are matched, so that chunks differ by chance alone. */
export function dependenceOf(looks: readonly ValueLook[]): Dependence | null {
  if (looks.length < LEAST_CHUNKS) return null;
  const free = freeOf(sumOf(looks.flatMap(({ part, rest }) => [part, rest])));
  if (free < 1) return null;
  const { psi, noise } = spreadOf(looks, free);
  return { free, effect: Math.max(1, psi / noise), looks };
}

/**
 * The PSI beyond its bias that `rows` and `others` of one population reach, `z` standard deviations out. Dependence has few
 * directions among the bins: the degrees fall with its root, so that the tail is that of rows in runs. The design effect is an estimate from
 * few looks: two of its standard errors are added.
 */
export function dependentLimit(
  { free, effect, looks }: Dependence,
  { rows, others }: { readonly rows: number; readonly others: number },
  z = Z,
): number {
  const degrees = Math.max(1, free / Math.sqrt(effect));
  const upper = effect * (1 + 2 * Math.sqrt(2 / (looks.length * degrees)));
  return free * (1 / rows + 1 / others) * (upper * quantileOf(degrees, z) - 1);
}

/** The quantile of χ² by its degrees (Wilson and Hilferty 1931). */
function quantileOf(degrees: number, z: number): number {
  return (1 - 2 / (9 * degrees) + z * Math.sqrt(2 / (9 * degrees))) ** 3;
}

function freeOf(counts: Float64Array): number {
  return counts.filter((count) => count > 0).length - 1;
}

/** The mean PSI of parts against the rest, and what independent rows would have. */
function spreadOf(looks: readonly ValueLook[], free: number): { readonly psi: number; readonly noise: number } {
  let [psi, noise] = [0, 0];
  for (const { part, rest } of looks) {
    psi += populationStabilityIndex(rest, part)?.psi ?? 0;
    noise += free * (1 / Math.max(1, total(part)) + 1 / Math.max(1, total(rest)));
  }
  return { psi: psi / Math.max(1, looks.length), noise: noise / Math.max(1, looks.length) };
}

/** Each part against all others. */
function looksAt(parts: readonly Float64Array[], whole: Float64Array): readonly ValueLook[] {
  return parts.map((part) => ({ part, rest: whole.map((count, i) => count - part[i]) }));
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
