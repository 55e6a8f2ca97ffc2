import type { TrainingFrame } from '../training-frame.ts';

/** Different values that a categorical feature may have. */
const MOST_CATEGORIES = 64;

/**
 * How one number feature enters: imputed by its mean, centred and scaled; `missing` adds an indicator column. The mean
 * is a float32: the difference from a float32 feature then has no rounding where it matters, near the mean.
 */
export interface NumberFeature {
  readonly kind: 'number';
  /** Index among the frame's columns. */
  readonly column: number;
  readonly mean: number;
  readonly scale: number;
  /** Least and greatest value of the set: a served one beyond them is taken for them, since nothing was learnt there. */
  readonly least: number;
  readonly greatest: number;
  readonly missing: boolean;
}

/** A feature with one weight per value; any other value, and a missing one, has none. */
export interface CategoryFeature {
  readonly kind: 'category';
  readonly column: number;
  readonly values: readonly number[];
}

export type DesignFeature = NumberFeature | CategoryFeature;

/**
 * The matrix that is fitted. Its dense columns are the number features, their missing indicators, and a one for the
 * intercept at last; they are laid out a block of rows at a time, since as a whole they are many times the frame. Of the
 * categories only the index of the weight is kept (−1: none).
 */
export interface Design {
  readonly features: readonly DesignFeature[];
  readonly rows: number;
  /** Dense columns, the intercept included. */
  readonly width: number;
  /** Lays out the dense columns of `count` rows from `from` on, row by row. */
  readonly layOut: (from: number, count: number, into: Float64Array) => void;
  /** By category feature: the weight's index behind the dense ones, by row. */
  readonly categories: readonly Int32Array[];
  /** All weights. */
  readonly weights: number;
}

/** Ends with an error that gives the reason. */
type Refuse = (reason: string) => never;

/** Lays out a frame. `categorical` names the features that are taken by value. */
export function buildDesign(frame: TrainingFrame, categorical: readonly string[], refuse: Refuse): Design {
  const features = frame.names.map((name, column) =>
    categorical.includes(name)
      ? categoryFeature(name, frame.columns[column], column, refuse)
      : numberFeature(name, frame.columns[column], column, refuse),
  );
  const numbers = features.filter((feature) => feature.kind === 'number');
  const flagged = numbers.filter(({ missing }) => missing);
  const width = numbers.length + flagged.length + 1;
  const rows = frame.labels.length;
  const layOut: Design['layOut'] = (from, count, into) => {
    const rowsOf = ({ column }: NumberFeature) => frame.columns[column].subarray(from, from + count);
    numbers.forEach((feature, at) => {
      fillNumber(into, width, at, rowsOf(feature), feature);
    });
    flagged.forEach((feature, i) => {
      fillMissing(into, width, numbers.length + i, rowsOf(feature));
    });
    for (let row = 0; row < count; row += 1) into[row * width + width - 1] = 1;
  };
  let next = width;
  const categories = features
    .filter((feature) => feature.kind === 'category')
    .map(({ column, values }) => {
      const first = next;
      next += values.length;
      return Int32Array.from(frame.columns[column], (value) => {
        const index = values.indexOf(value);
        return index < 0 ? -1 : first + index;
      });
    });
  return { features, rows, width, layOut, categories, weights: next };
}

/** Rows laid out at once: few enough to stay in the processor's caches, a multiple of the four that a Gram takes at once. */
const BLOCK_ROWS = 256;

/** Sees the dense columns of all rows, in order, a block at a time. */
export function eachBlock(design: Design, see: (dense: Float64Array, from: number, count: number) => void): void {
  const dense = new Float64Array(BLOCK_ROWS * design.width);
  for (let from = 0; from < design.rows; from += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, design.rows - from);
    design.layOut(from, count, dense);
    see(dense, from, count);
  }
}

/** The rows of every n-th block of a design; `of` returns the same rows of a column. */
export function everyBlock(
  design: Design,
  every: number,
): { readonly design: Design; readonly of: <T extends Float64Array | Int32Array>(column: T) => T } {
  const starts: number[] = [];
  for (let from = 0; from + BLOCK_ROWS <= design.rows; from += BLOCK_ROWS * every) starts.push(from);
  const of = <T extends Float64Array | Int32Array>(column: T): T => {
    const taken = column.slice(0, starts.length * BLOCK_ROWS) as T;
    starts.forEach((from, block) => {
      taken.set(column.subarray(from, from + BLOCK_ROWS), block * BLOCK_ROWS);
    });
    return taken;
  };
  const part: Design = {
    ...design,
    rows: starts.length * BLOCK_ROWS,
    layOut: (from, count, into) => design.layOut(starts[from / BLOCK_ROWS], count, into),
    categories: design.categories.map(of),
  };
  return { design: part, of };
}

function numberFeature(name: string, values: Float32Array, column: number, refuse: Refuse): NumberFeature {
  let count = 0;
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    count += 1;
    sum += value;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  const mean = count === 0 ? 0 : Math.fround(sum / count);
  let squares = 0;
  for (const value of values) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
  const deviation = count === 0 ? 0 : Math.sqrt(squares / count);
  if (!Number.isFinite(deviation)) refuse(`feature "${name}" has a number beyond float32`);
  const missing = count < values.length;
  const bounds = count === 0 ? { least: 0, greatest: 0 } : { least, greatest };
  return { kind: 'number', column, mean, scale: deviation > 0 ? deviation : 1, ...bounds, missing };
}

function categoryFeature(name: string, values: Float32Array, column: number, refuse: Refuse): CategoryFeature {
  const distinct = [...new Set(values)].filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (distinct.length > MOST_CATEGORIES) {
    refuse(`the categorical feature "${name}" has ${distinct.length} values, more than ${MOST_CATEGORIES}`);
  }
  return { kind: 'category', column, values: distinct };
}

function fillNumber(
  dense: Float64Array,
  width: number,
  at: number,
  values: Float32Array,
  { mean, scale }: NumberFeature,
): void {
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row];
    dense[row * width + at] = Number.isNaN(value) ? 0 : (value - mean) / scale;
  }
}

function fillMissing(dense: Float64Array, width: number, at: number, values: Float32Array): void {
  for (let row = 0; row < values.length; row += 1) dense[row * width + at] = Number.isNaN(values[row]) ? 1 : 0;
}
