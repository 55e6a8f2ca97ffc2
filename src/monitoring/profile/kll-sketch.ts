import { type Random, seededRandom } from '../../base/rng.ts';
import { sortNumbers } from '../../stats/sort-numbers.ts';

/**
 * A KLL sketch of numbers (Karnin, Lang and Liberty 2016): quantiles of a stream in bounded memory. Level h holds items of
 * weight 2^h. Hot path: adding a number allocates nothing until a level is full.
 */
export interface KllSketch {
  readonly k: number;
  n: number;
  min: number;
  max: number;
  /** Items of each level; level 0 in order of arrival, the others ascending. */
  readonly levels: number[][];
  /** Chance that decides which half of a full level stays. */
  readonly random: Random;
}

/** Fewest items that a level holds, as in DataSketches. */
export const KLL_LEAST = 8;

export function createKll(k: number, seed = 1): KllSketch {
  return {
    k,
    n: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    levels: [[]],
    random: seededRandom(seed),
  };
}

/** Adds a number that is not NaN. */
export function addToKll(sketch: KllSketch, value: number): void {
  sketch.n += 1;
  if (value < sketch.min) sketch.min = value;
  if (value > sketch.max) sketch.max = value;
  sketch.levels[0].push(value);
  if (sketch.levels[0].length >= levelCapacity(sketch.k, sketch.levels.length, 0)) compress(sketch);
}

/** Adds finite numbers; their array is overwritten. Hot path. */
export function addAllToKll(sketch: KllSketch, added: Float64Array): void {
  const { length } = added;
  if (length === 0) return;
  const values = sortNumbers(added);
  sketch.n += length;
  if (values[0] < sketch.min) sketch.min = values[0];
  if (values[length - 1] > sketch.max) sketch.max = values[length - 1];
  sketch.levels[0] = mergeSorted(sorted(sketch.levels[0]), values);
  compress(sketch, true);
}

/** Adds another sketch of the same k. */
export function mergeKll(held: KllSketch, added: KllSketch): void {
  if (added.n === 0) return;
  held.n += added.n;
  held.min = Math.min(held.min, added.min);
  held.max = Math.max(held.max, added.max);
  added.levels.forEach((items, h) => {
    if (h === held.levels.length) held.levels.push([]);
    held.levels[h] = h === 0 ? [...held.levels[0], ...items] : mergeSorted(held.levels[h], items);
  });
  compress(held);
}

/** Values of k whose capacities are kept. */
const MOST_KNOWN = 64;

/** Capacities of the levels by k, and then by the number of levels. */
const capacities = new Map<number, Int32Array[]>();

/** Items of level `h` of `count` levels; the top one holds k. */
export function levelCapacity(k: number, count: number, h: number): number {
  return capacitiesOf(k, count)[h];
}

function capacitiesOf(k: number, count: number): Int32Array {
  let byCount = capacities.get(k);
  if (byCount === undefined) {
    // Files of others may have any k.
    if (capacities.size >= MOST_KNOWN) capacities.clear();
    byCount = [];
    capacities.set(k, byCount);
  }
  byCount[count] ??= Int32Array.from({ length: count }, (_, h) => capacityAt(k, count - h - 1));
  return byCount[count];
}

function capacityAt(k: number, depth: number): number {
  return Math.max(KLL_LEAST, depth > 30 ? 0 : Math.floor((Math.floor((2 * k * 2 ** depth) / 3 ** depth) + 1) / 2));
}

/** Halves the lowest full level into the next, until none is full: all of them together then fit the capacity. */
function compress(sketch: KllSketch, isSorted = false): void {
  const { k, levels, random } = sketch;
  for (let h = 0; h < levels.length; ) {
    if (levels[h].length < levelCapacity(k, levels.length, h)) {
      h += 1;
      continue;
    }
    const grows = h === levels.length - 1;
    if (grows) levels.push([]);
    const items = h > 0 || isSorted ? levels[h] : sorted(levels[0]);
    // An odd item stays at its level, so that weights add up to n.
    const odd = items.length % 2;
    const offset = odd + (random() < 0.5 ? 0 : 1);
    const promoted: number[] = [];
    for (let i = offset; i < items.length; i += 2) promoted.push(items[i]);
    levels[h] = odd === 1 ? [items[0]] : [];
    levels[h + 1] = levels[h + 1].length === 0 ? promoted : mergeSorted(levels[h + 1], promoted);
    // One more level takes room from those below.
    h = grows ? 0 : h + 1;
  }
}

function sorted(items: readonly number[]): readonly number[] {
  return items.length < 2 ? items : Array.from(Float64Array.from(items).sort());
}

function mergeSorted(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const merged: number[] = new Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < merged.length; at += 1)
    merged[at] = j >= b.length || (i < a.length && a[i] <= b[j]) ? a[i++] : b[j++];
  return merged;
}

/** Distance of the sketch's ranks from the true ones that holds in 99 % of cases (constants of DataSketches, one-sided). */
export function kllRankError(k: number): number {
  return 2.296 / k ** 0.9723;
}
