import { type Distribution, quantileOf } from './distribution.ts';
import { FACTOR_CHANGES, OFFSET_CHANGES, SIGN_CHANGE, type UnitChange } from './unit-changes.ts';

/** A share of the current values that follows from a known change of unit or sign. */
export interface KnownChange {
  readonly change: UnitChange;
  /** Other units that fit as well. */
  readonly names: readonly string[];
  readonly share: number;
}

/** Values of a side below which nothing is said. */
const LEAST = 100;
/** A distance of distributions is evidence from this many times its 1 % limit on. */
const EVIDENCE = 1.5;
/** Least distance that is looked at, and least share of changed rows. */
const LEAST_DISTANCE = 0.03;
const LEAST_SHARE = 0.03;
/** A share below all needs changed values that lie apart from sound ones, and no factor that a population grows by: otherwise any small drift would be a mixture. */
const APART = 0.9;
/** The share of the distance that a mixture may leave unexplained: days differ. */
const UNEXPLAINED = 0.25;
/** All values, as far as least squares can tell. */
const ALL = 0.8;
/** A factor that no population grows by. */
const GREAT = 20;

/** The share of the reference at each end that does not say how far its values go. */
const TAIL = 0.001;

/** A share of values below 0 that positive ones may have among them. */
const FEW = 0.01;

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
  const allowed = isApart ? Math.max(isAll ? limit : 0, UNEXPLAINED * apart) : limit;
  if (rest > Math.min(allowed, apart / 2) || !(isAll || (isApart && !isSmall))) return null;
  return { change, share, rest };
}

/** Values far beyond the reference that are inside of it once a great factor is taken off, or once kelvins are degrees. */
function beyondRange(reference: Distribution, current: Distribution): KnownChange | null {
  // A few values far out in the reference hide no change.
  const [least, greatest] = [quantileOf(reference, TAIL) ?? 0, quantileOf(reference, 1 - TAIL) ?? 0];
  const range = greatest - least;
  const share = (by: number) => 1 - cdfAt(current, greatest + by * range) + cdfAt(current, least - by * range);
  const isBeyond = (x: number, by: number) => x > greatest + by * range || x < least - by * range;
  const middle = quantileOf(reference, 0.5) ?? 0;
  const fits = [
    ...OFFSET_CHANGES.filter(({ times }) => times === 1),
    ...FACTOR_CHANGES.filter(({ times }) => times >= GREAT),
  ].flatMap((change) => {
    const by = change.times === 1 ? 2 : 0.5;
    if (range <= 0 || share(by) < LEAST_SHARE) return [];
    const back = pointsOf(current)
      .filter((x) => isBeyond(x, by))
      .map((x) => (x - change.plus) / change.times);
    const inside = back.filter((x) => x >= least && x <= greatest).length;
    if (back.length < 3 || inside < 0.9 * back.length) return [];
    return [{ change, off: Math.abs(back[back.length >> 1] - middle), share: share(by) }];
  });
  const [best] = fits.sort((a, b) => a.off - b.off);
  return best === undefined
    ? null
    : {
        change: best.change,
        names: fits.filter(({ change }) => isNear(change, best.change)).map(({ change }) => change.name),
        share: best.share,
      };
}

/** Factors that values cannot tell apart. */
function isNear(a: UnitChange, b: UnitChange): boolean {
  return Math.abs(Math.log(a.times / b.times)) < Math.log(2);
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
