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
  const innerOf = ({ values }: Distribution, changed: (x: number) => number): Stretch => [
    placeOf(values, (x) => changed(x) >= least - by),
    placeOf(values, (x) => changed(x) > greatest + by),
  ];
  const inner = innerOf(current, (x) => x);
  const back = partOf(current, around(current, inner), (x) => (x - change.plus) / change.times);
  const share = back.n / current.n;
  if (share < LEAST_SHARE || back.n < LEAST_BEYOND) return null;
  const range: Stretch = [placeOf(back.values, (x) => x >= least), placeOf(back.values, (x) => x > greatest)];
  if (partOf(back, [range]).n < INSIDE * back.n) return null;
  const wasBeyond = partOf(
    reference,
    around(
      reference,
      innerOf(reference, (x) => change.times * x + change.plus),
    ),
  );
  const others = partOf(current, [inner]);
  if (!isAlike(wasBeyond, back) || (others.n >= LEAST_BEYOND && !isAlike(reference, others))) return null;
  return { change, middle: quantileOf(back, 0.5) ?? 0, share };
}

function isAlike(reference: Distribution, current: Distribution): boolean {
  const gap = distributionGap(reference, current);
  if (gap === null) return false;
  const chance = 1.63 * Math.sqrt(1 / reference.n + 1 / current.n);
  return gap.d <= Math.max(DAYS_DIFFER, chance) + reference.rankError + current.rankError;
}

/** Places of values that follow each other, [from, to). */
type Stretch = readonly [from: number, to: number];

/** The stretches before and after one. */
function around({ values }: Distribution, [from, to]: Stretch): readonly Stretch[] {
  return [
    [0, from],
    [to, values.length],
  ];
}

/** The first place for whose value a test holds that holds for all greater values too; values ascend. */
function placeOf(values: Float64Array, holds: (x: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(values[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The values of stretches in their order, each changed by a growing function. */
function partOf(
  { values, upTo, rankError }: Distribution,
  stretches: readonly Stretch[],
  changed: (x: number) => number = (x) => x,
): Distribution {
  const length = stretches.reduce((sum, [from, to]) => sum + to - from, 0);
  const part = { values: new Float64Array(length), upTo: new Float64Array(length) };
  let n = 0;
  let at = 0;
  for (const [from, to] of stretches)
    for (let i = from; i < to; i += 1, at += 1) {
      n += upTo[i] - (i === 0 ? 0 : upTo[i - 1]);
      part.values[at] = changed(values[i]);
      part.upTo[at] = n;
    }
  return { ...part, n, rankError };
}

/** Factors that values cannot tell apart. */
function isNear(a: UnitChange, b: UnitChange): boolean {
  return Math.abs(Math.log(a.times / b.times)) < Math.log(2);
}
