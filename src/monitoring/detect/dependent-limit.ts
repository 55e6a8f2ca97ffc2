import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { LEAST_CHUNKS } from './calibrate.ts';

/** Chance that one feature of one quiet window is beyond the limit: 100 features an hour are then quiet for a quarter, with 2 of 3 windows. */
const Z = 4.265;

/** Counts of one chunk over bins, and of the rows that it is compared with. */
export interface ValueLook {
  readonly part: Float64Array;
  readonly rest: Float64Array;
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

function sumOf(parts: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(parts[0].length);
  for (const part of parts) for (let i = 0; i < part.length; i += 1) sum[i] += part[i];
  return sum;
}

function total(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
