import { sortedFinite } from '../../stats/sort-numbers.ts';
import { type KllSketch, kllRankError } from '../profile/kll-sketch.ts';

/** Finite numbers in ascending order, each with the count of values up to and with it. */
export interface Distribution {
  readonly values: Float64Array;
  /** Ends with n. */
  readonly upTo: Float64Array;
  readonly n: number;
  /** How far a rank may be off: 0 for values, that of the sketch otherwise. */
  readonly rankError: number;
}

/** Of values; those that are not finite are left out. */
export function distributionOf(numbers: Float64Array): Distribution {
  const values = sortedFinite(numbers);
  const n = values.length;
  const upTo = new Float64Array(n);
  // Values move to the front of their own array.
  let kept = 0;
  for (let i = 0; i < n; i += 1) {
    const value = values[i];
    if (kept > 0 && values[kept - 1] === value) upTo[kept - 1] = i + 1;
    else {
      values[kept] = value;
      upTo[kept] = i + 1;
      kept += 1;
    }
  }
  return { values: values.subarray(0, kept), upTo: upTo.subarray(0, kept), n, rankError: 0 };
}

/** Of a sketch's items with their weights, and its exact extremes. */
export function distributionOfKll(sketch: KllSketch): Distribution {
  const items = sketch.levels.flatMap((level, h) => level.map((value) => [value, 2 ** h] as const));
  items.sort(([a], [b]) => a - b);
  const values: number[] = [];
  const upTo: number[] = [];
  let sum = 0;
  for (const [value, weight] of items) {
    sum += weight;
    if (values.at(-1) === value) upTo[upTo.length - 1] = sum;
    else {
      values.push(value);
      upTo.push(sum);
    }
  }
  const exact = sketch.levels.length === 1;
  return {
    values: Float64Array.from(values),
    upTo: Float64Array.from(upTo),
    n: sketch.n,
    rankError: exact ? 0 : kllRankError(sketch.k),
  };
}

/** The quantile q by linear interpolation of the values in order, as numpy's default; null without values. */
export function quantileOf({ values, upTo, n }: Distribution, q: number): number | null {
  if (n === 0) return null;
  const at = q * (n - 1);
  const low = Math.floor(at);
  const first = valueAt(values, upTo, low);
  const share = at - low;
  if (share === 0) return first;
  const second = valueAt(values, upTo, Math.min(n - 1, low + 1));
  return first === second ? first : first + (second - first) * share;
}

/** The value at a place from 0 among all values in order. */
function valueAt(values: Float64Array, upTo: Float64Array, place: number): number {
  let low = 0;
  let high = upTo.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (upTo[middle] > place) high = middle;
    else low = middle + 1;
  }
  return values[low];
}

/** The largest gap of two distribution functions, and the area between them. */
export interface DistributionGap {
  readonly d: number;
  readonly location: number;
  /** 1: current values lie higher at the place of the largest gap; −1: lower. */
  readonly sign: 1 | -1;
  /** ∫ |F − G|. */
  readonly wasserstein: number;
}

/** Compares a reference with a current distribution; null where one has no value. Hot path. */
export function distributionGap(reference: Distribution, current: Distribution): DistributionGap | null {
  if (reference.n === 0 || current.n === 0) return null;
  const [x, y] = [reference.values, current.values];
  let i = 0;
  let j = 0;
  let f = 0;
  let g = 0;
  let last = Math.min(x[0], y[0]);
  let location = last;
  let most = 0;
  let wasserstein = 0;
  while (i < x.length || j < y.length) {
    const value = i < x.length && (j >= y.length || x[i] <= y[j]) ? x[i] : y[j];
    wasserstein += Math.abs(f - g) * (value - last);
    last = value;
    if (i < x.length && x[i] === value) f = reference.upTo[i++] / reference.n;
    if (j < y.length && y[j] === value) g = current.upTo[j++] / current.n;
    const gap = g - f;
    if (Math.abs(gap) > Math.abs(most)) {
      most = gap;
      location = value;
    }
  }
  const sign = most > 0 ? -1 : 1;
  return {
    d: Math.abs(most),
    location,
    sign,
    wasserstein: Number.isFinite(wasserstein) ? wasserstein : Number.MAX_VALUE,
  };
}
