/** Rows as codes of bins, column by column. */
export interface CodedRows {
  /** Codes 0 … 255 of each row, column by column. */
  readonly columns: readonly Uint8Array[];
  /** Whether a column's codes have an order; without one a split takes one code against the rest. */
  readonly ordered: readonly boolean[];
}

interface Split {
  readonly column: number;
  readonly code: number;
  readonly gain: number;
}

/** A tree of splits; its leaves have values. */
export interface Tree {
  readonly split: Split | null;
  readonly value: number;
  readonly low: Tree | null;
  readonly high: Tree | null;
}

const RATE = 0.3;
const LEAST_ROWS = 20;
const RIDGE = 1;

/** The slopes of the loss at the present scores: one number a row each. */
export interface LossSlopes {
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
}

export interface BoostOptions {
  readonly rounds: number;
  readonly depth: number;
  /** Sums the gains of each column. */
  readonly gains: Float64Array;
  /** Fills in the slopes of the rows for their scores. */
  readonly slopes: (scores: Float64Array, into: LossSlopes) => void;
}

/**
 * Gradient-boosted trees on binned columns by Newton's steps (Friedman 2001; Chen and Guestrin 2016, eq. 5 to 7). `fit`
 * lists the rows that are learned from. Ends early where no split gains.
 */
export function boostTrees(rows: CodedRows, fit: Uint32Array, options: BoostOptions): readonly Tree[] {
  const size = rows.columns[0]?.length ?? 0;
  const scores = new Float64Array(size);
  const slopes = { gradient: new Float64Array(size), curvature: new Float64Array(size) };
  const trees: Tree[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    options.slopes(scores, slopes);
    const tree = grow(rows, fit, { ...slopes, gains: options.gains }, options.depth);
    if (tree.split === null) break;
    trees.push(tree);
    for (const r of fit) scores[r] += leafOf(tree, rows, r);
  }
  return trees;
}

interface Fit {
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
  readonly gains: Float64Array;
}

function grow(rows: CodedRows, own: Uint32Array, fit: Fit, depth: number): Tree {
  let g = 0;
  let h = 0;
  for (const r of own) {
    g += fit.gradient[r];
    h += fit.curvature[r];
  }
  const value = (RATE * g) / (h + RIDGE);
  const split = depth === 0 ? null : bestSplit(rows, own, fit, g, h);
  if (split === null) return { split: null, value, low: null, high: null };
  fit.gains[split.column] += split.gain;
  const goesLow = (r: number) => isLow(rows, split, r);
  return {
    split,
    value,
    low: grow(rows, own.filter(goesLow), fit, depth - 1),
    high: grow(
      rows,
      own.filter((r) => !goesLow(r)),
      fit,
      depth - 1,
    ),
  };
}

function bestSplit(rows: CodedRows, own: Uint32Array, fit: Fit, g: number, h: number): Split | null {
  let best: Split | null = null;
  const base = (g * g) / (h + RIDGE);
  const sums = new Float64Array(256 * 3);
  rows.columns.forEach((codes, column) => {
    sums.fill(0);
    for (const r of own) {
      const at = codes[r] * 3;
      sums[at] += fit.gradient[r];
      sums[at + 1] += fit.curvature[r];
      sums[at + 2] += 1;
    }
    let gl = 0;
    let hl = 0;
    let nl = 0;
    for (let code = 0; code < 256; code += 1) {
      const at = code * 3;
      if (sums[at + 2] === 0) continue;
      gl = rows.ordered[column] ? gl + sums[at] : sums[at];
      hl = rows.ordered[column] ? hl + sums[at + 1] : sums[at + 1];
      nl = rows.ordered[column] ? nl + sums[at + 2] : sums[at + 2];
      if (nl < LEAST_ROWS || own.length - nl < LEAST_ROWS) continue;
      const gain = (gl * gl) / (hl + RIDGE) + (g - gl) ** 2 / (h - hl + RIDGE) - base;
      if (gain > (best?.gain ?? 1e-9)) best = { column, code, gain };
    }
  });
  return best;
}

function isLow(rows: CodedRows, { column, code }: Split, r: number): boolean {
  const own = rows.columns[column][r];
  return rows.ordered[column] ? own <= code : own === code;
}

function leafOf(tree: Tree, rows: CodedRows, r: number): number {
  let at = tree;
  while (at.split !== null) {
    const next = isLow(rows, at.split, r) ? at.low : at.high;
    if (next === null) break;
    at = next;
  }
  return at.value;
}

/** The score of a row: the sum over the trees. */
export function scoreOf(trees: readonly Tree[], rows: CodedRows, r: number): number {
  return trees.reduce((sum, tree) => sum + leafOf(tree, rows, r), 0);
}
