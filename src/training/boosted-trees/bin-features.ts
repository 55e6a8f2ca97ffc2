import type { TrainingFrame } from '../training-frame.ts';

/** Different values that a categorical feature may have. */
const MOST_CATEGORIES = 64;

/** One feature in bins: 0 is missing, or a category that is too rare; the others begin at 1. */
export interface BinnedFeature {
  readonly category: boolean;
  /** Bin of each row. */
  readonly bins: Uint8Array;
  /** Bins, the one of missing values included. */
  readonly count: number;
  /** Of a number: the value up to which a row is in bin i or below. Of a category: the value of bin i. Place 0 is unused. */
  readonly values: Float32Array;
  /** 1: a rise may only raise the score, −1: lower it, 0: either. */
  readonly monotone: number;
}

export interface BinOptions {
  readonly categorical: readonly string[];
  readonly monotone: Readonly<Record<string, number>>;
  readonly bins: number;
  /** Rows that the bins are chosen from: the first of the frame. */
  readonly rows: number;
}

/** Bins of every feature of a frame; bounds come from its first `rows` rows, bins are of all rows. */
export function binFeatures({ names, columns }: TrainingFrame, options: BinOptions): readonly BinnedFeature[] {
  return names.map((name, index) => {
    const column = columns[index] ?? new Float32Array();
    const seen = column.subarray(0, options.rows).filter((value) => !Number.isNaN(value));
    return options.categorical.includes(name)
      ? binCategories(column, seen)
      : binNumbers(column, seen, options.bins, options.monotone[name] ?? 0);
  });
}

function binCategories(column: Float32Array, seen: Float32Array): BinnedFeature {
  const counts = new Map<number, number>();
  for (const value of seen) counts.set(value, (counts.get(value) ?? 0) + 1);
  const common = [...counts]
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, MOST_CATEGORIES)
    .map(([value]) => value)
    .sort((a, b) => a - b);
  const places = new Map(common.map((value, place) => [value, place + 1]));
  const bins = Uint8Array.from(column, (value) => places.get(value) ?? 0);
  return {
    category: true,
    bins,
    count: common.length + 1,
    values: Float32Array.of(Number.NaN, ...common),
    monotone: 0,
  };
}

function binNumbers(column: Float32Array, seen: Float32Array, most: number, monotone: number): BinnedFeature {
  const bounds = boundsOf(seen.slice().sort(), most);
  const bins = new Uint8Array(column.length);
  for (let row = 0; row < column.length; row += 1) bins[row] = binOf(column[row], bounds);
  return { category: false, bins, count: bounds.length, values: bounds, monotone };
}

/** Bounds of bins with about equal rows: each value has its own bin where there are few enough. The last bound is infinite. */
function boundsOf(sorted: Float32Array, most: number): Float32Array {
  const ends: number[] = [];
  const distinct = new Set(sorted).size;
  const least = distinct <= most ? 1 : sorted.length / most;
  let rows = 0;
  for (let i = 0; i < sorted.length; i += 1) {
    rows += 1;
    const next = sorted[i + 1];
    if (next === undefined || next === sorted[i] || rows < least) continue;
    ends.push(between(sorted[i], next));
    rows = 0;
  }
  return Float32Array.of(Number.NaN, ...ends.slice(0, most - 1), Number.POSITIVE_INFINITY);
}

/** A float32 from a, inclusive, to b, exclusive: the middle where float32 has one. */
function between(a: number, b: number): number {
  const middle = Math.fround(a + (b - a) / 2);
  return middle >= a && middle < b ? middle : a;
}

/** The first bin whose bound is not below the value; 0 of a missing one. */
function binOf(value: number, bounds: Float32Array): number {
  if (Number.isNaN(value)) return 0;
  let low = 1;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= bounds[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}
