import { beyondRange, GREAT, type KnownChange, LEAST_SHARE } from './beyond-range.ts';
import { type Distribution, quantileOf } from './distribution.ts';
import { FACTOR_CHANGES, OFFSET_CHANGES, SIGN_CHANGE, type UnitChange } from './unit-changes.ts';

/** Values of a side below which nothing is said. */
const LEAST = 100;
/** A distance of distributions is evidence from this many times its 1 % limit on. */
const EVIDENCE = 1.5;
/** Least distance that is looked at. */
const LEAST_DISTANCE = 0.03;
/** A share below all needs changed values that lie apart from sound ones: otherwise any small drift would be a mixture. */
const APART = 0.9;
/** As `APART`, of a factor that a population may grow by. */
const SMALL_APART = 0.95;
/** The share of the distance that a mixture may leave unexplained: days differ. */
const UNEXPLAINED = 0.25;
/** All values, as far as least squares can tell. */
const ALL = 0.8;

/** A share of values below 0 that positive ones may have among them. */
const FEW = 0.01;

/** The share of the reference from which on a value is a peak. A sketch gives each value a weight far below it. */
const PEAK = 0.05;
/** Rows of a changed value from which on it is looked for, and how far rounding moves it, as a share. */
const PEAK_ROWS = 8;
const PEAK_WIDTH = 0.01;

/** Points of each side at which distributions are compared. */
const POINTS = 100;

/**
 * The known change that explains how the current values differ: G = (1 − p)·R + p·R∘T⁻¹, with p by least squares. Null where they
 * do not differ, or no change explains it.
 */
export function knownChange(reference: Distribution, current: Distribution): KnownChange | null {
  if (reference.n < LEAST || current.n < LEAST) return null;
  const limit = 1.63 * Math.sqrt(1 / reference.n + 1 / current.n) + reference.rankError + current.rankError;
  const own = [...pointsOf(reference), ...pointsOf(current)];
  const apart = Math.max(...own.map((x) => Math.abs(cdfAt(current, x) - cdfAt(reference, x))));
  if (apart < Math.max(LEAST_DISTANCE, EVIDENCE * limit)) return beyondRange(reference, current);
  const changes = [
    SIGN_CHANGE,
    ...OFFSET_CHANGES,
    ...FACTOR_CHANGES.filter((one) => isFactorOf(one, reference, current)),
  ];
  const found = changes
    .map((change) => explainedBy(change, reference, current, { own, apart, limit }))
    .filter((one) => one !== null)
    .sort((a, b) => a.rest - b.rest);
  const [best] = found;
  if (best === undefined) return beyondRange(reference, current);
  return { change: best.change, names: [best.change.name], share: best.share };
}

/** A share of a whole has no unit, and values that are often 0 vary by factors. */
function isFactorOf({ times }: UnitChange, reference: Distribution, current: Distribution): boolean {
  if (isGreat(times)) return true;
  const greatest = Math.max(reference.values[reference.values.length - 1], current.values[current.values.length - 1]);
  // Refunds among prices say nothing against a factor.
  if (Math.max(cdfBelow(reference, 0), cdfBelow(current, 0)) > FEW || greatest <= 1) return false;
  return cdfAt(reference, 0) < 0.1 && cdfAt(current, 0) < 0.1;
}

function isGreat(times: number): boolean {
  return Math.abs(Math.log(Math.abs(times))) >= Math.log(GREAT);
}

interface Gap {
  readonly own: readonly number[];
  readonly apart: number;
  readonly limit: number;
}

function explainedBy(
  change: UnitChange,
  reference: Distribution,
  current: Distribution,
  { own, apart, limit }: Gap,
): { readonly change: UnitChange; readonly share: number; readonly rest: number } | null {
  const points = [...own, ...pointsOf(reference).map((x) => changed(change, x))];
  let [moved, both, separation] = [0, 0, 0];
  const gaps = points.map((x) => {
    const was = cdfAt(reference, x);
    const toChanged = changedCdfAt(change, reference, x) - was;
    const toCurrent = cdfAt(current, x) - was;
    moved += toChanged * toChanged;
    both += toChanged * toCurrent;
    separation = Math.max(separation, Math.abs(toChanged));
    return [toCurrent, toChanged] as const;
  });
  if (moved === 0) return null;
  const share = Math.min(1, both / moved);
  if (share < LEAST_SHARE) return null;
  const rest = Math.max(...gaps.map(([toCurrent, toChanged]) => Math.abs(toCurrent - share * toChanged)));
  const isApart = separation >= APART;
  const isSmall = change.plus === 0 && change.times > 0 && !isGreat(change.times);
  const isAll = share >= ALL && separation >= 0.15;
  const allowed = isApart && (isAll || !isSmall) ? Math.max(isAll ? limit : 0, UNEXPLAINED * apart) : limit;
  // A new part of the rows may lie at about a small factor: only the exact one explains it.
  const most = isAll || !isSmall ? apart / 2 : UNEXPLAINED * apart;
  if (rest > Math.min(allowed, most) || !(isAll || separation >= (isSmall ? SMALL_APART : APART))) return null;
  if (!hasChangedPeak(change, share, reference, current)) return null;
  return { change, share, rest };
}

/** Whether the most frequent value of the reference is there as a changed one too, where enough rows would have it. */
function hasChangedPeak(change: UnitChange, share: number, reference: Distribution, current: Distribution): boolean {
  const rowsAt = (i: number) => reference.upTo[i] - (i === 0 ? 0 : reference.upTo[i - 1]);
  const peak = reference.values.reduce((most, _, i) => (rowsAt(i) > rowsAt(most) ? i : most), 0);
  const expected = (share * rowsAt(peak)) / reference.n;
  const at = changed(change, reference.values[peak]);
  if (at === reference.values[peak] || rowsAt(peak) < PEAK * reference.n || expected * current.n < PEAK_ROWS)
    return true;
  const [below, above] = [at - PEAK_WIDTH * Math.abs(at), at + PEAK_WIDTH * Math.abs(at)];
  return cdfAt(current, above) - cdfBelow(current, below) >= expected / 2 - current.rankError;
}

function changed({ times, plus }: UnitChange, x: number): number {
  return times * x + plus;
}

/** The distribution function of changed values: of a turned sign, that of values from the other end. */
function changedCdfAt({ times, plus }: UnitChange, distribution: Distribution, x: number): number {
  const back = (x - plus) / times;
  return times > 0 ? cdfAt(distribution, back) : 1 - cdfBelow(distribution, back);
}

/** Values at equal distances of their rank. */
function pointsOf(distribution: Distribution): readonly number[] {
  return Array.from({ length: POINTS }, (_, i) => quantileOf(distribution, (i + 0.5) / POINTS) ?? 0);
}

function cdfAt({ values, upTo, n }: Distribution, x: number): number {
  const at = firstAbove(values, x, false);
  return at === 0 ? 0 : upTo[at - 1] / n;
}

function cdfBelow({ values, upTo, n }: Distribution, x: number): number {
  const at = firstAbove(values, x, true);
  return at === 0 ? 0 : upTo[at - 1] / n;
}

/** The first place whose value is above x; with `orEqual` not below it. */
function firstAbove(values: Float64Array, x: number, orEqual: boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] > x || (orEqual && values[middle] === x)) high = middle;
    else low = middle + 1;
  }
  return low;
}
