import { type Distribution, distributionGap, quantileOf } from './distribution.ts';
import { FACTOR_CHANGES, OFFSET_CHANGES, type UnitChange } from './unit-changes.ts';

/** A share of the current values that follows from a known change of unit or sign. */
export interface KnownChange {
  readonly change: UnitChange;
  /** Other units that fit as well. */
  readonly names: readonly string[];
  readonly share: number;
}

/** A factor that no population grows by. */
export const GREAT = 20;
/** Least share of changed rows. */
export const LEAST_SHARE = 0.03;
/** The share of the reference at each end that does not say how far its values go. */
const TAIL = 0.001;
/** Values beyond the range below which nothing is said. */
const LEAST_BEYOND = 3;
/** The share of values taken back that lies inside the range. */
const INSIDE = 0.9;
/** How far the distribution function of a part may be from that of the reference: days differ. */
const DAYS_DIFFER = 0.25;

/** The range of the reference without its tails. */
interface Range {
  readonly least: number;
  readonly greatest: number;
}

/**
 * Values far beyond the reference that are inside of it once a great factor is taken off, or once kelvins are degrees. Any number
 * divided by a great factor lies inside a range around 0. So the values taken back must be spread as those of the reference are,
 * and the other rows too.
 */
export function beyondRange(reference: Distribution, current: Distribution): KnownChange | null {
  // A few values far out in the reference hide no change.
  const range = { least: quantileOf(reference, TAIL) ?? 0, greatest: quantileOf(reference, 1 - TAIL) ?? 0 };
  if (range.greatest <= range.least) return null;
  const middle = quantileOf(reference, 0.5) ?? 0;
  const fits = [
    ...OFFSET_CHANGES.filter(({ times }) => times === 1),
    ...FACTOR_CHANGES.filter(({ times }) => times >= GREAT),
  ]
    .map((change) => fitOf(change, range, reference, current))
    .filter((one) => one !== null)
    .sort((a, b) => Math.abs(a.middle - middle) - Math.abs(b.middle - middle));
  const [best] = fits;
  if (best === undefined) return null;
  const names = fits.filter(({ change }) => isNear(change, best.change)).map(({ change }) => change.name);
  return { change: best.change, names, share: best.share };
}

function fitOf(
  change: UnitChange,
  { least, greatest }: Range,
  reference: Distribution,
  current: Distribution,
): { readonly change: UnitChange; readonly middle: number; readonly share: number } | null {
  const by = (change.times === 1 ? 2 : 0.5) * (greatest - least);
  const isBeyond = (x: number) => x > greatest + by || x < least - by;
  const back = partOf(current, isBeyond, (x) => (x - change.plus) / change.times);
  const share = back.n / current.n;
  if (share < LEAST_SHARE || back.n < LEAST_BEYOND) return null;
  if (partOf(back, (x) => x >= least && x <= greatest).n < INSIDE * back.n) return null;
  const wasBeyond = partOf(reference, (x) => isBeyond(change.times * x + change.plus));
  const others = partOf(current, (x) => !isBeyond(x));
  if (!isAlike(wasBeyond, back) || (others.n >= LEAST_BEYOND && !isAlike(reference, others))) return null;
  return { change, middle: quantileOf(back, 0.5) ?? 0, share };
}

function isAlike(reference: Distribution, current: Distribution): boolean {
  const gap = distributionGap(reference, current);
  if (gap === null) return false;
  const chance = 1.63 * Math.sqrt(1 / reference.n + 1 / current.n);
  return gap.d <= Math.max(DAYS_DIFFER, chance) + reference.rankError + current.rankError;
}

/** The values for which it holds, each changed by a growing function. */
function partOf(
  { values, upTo, rankError }: Distribution,
  holds: (x: number) => boolean,
  changed: (x: number) => number = (x) => x,
): Distribution {
  const kept: number[] = [];
  const counts: number[] = [];
  let n = 0;
  for (const [i, value] of values.entries()) {
    if (!holds(value)) continue;
    n += upTo[i] - (i === 0 ? 0 : upTo[i - 1]);
    kept.push(changed(value));
    counts.push(n);
  }
  return { values: Float64Array.from(kept), upTo: Float64Array.from(counts), n, rankError };
}

/** Factors that values cannot tell apart. */
function isNear(a: UnitChange, b: UnitChange): boolean {
  return Math.abs(Math.log(a.times / b.times)) < Math.log(2);
}
