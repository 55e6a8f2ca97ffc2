import { type Random, randomBelow, seededRandom } from '../base/rng.ts';
import { auc } from './auc.ts';

/** Two sets of rows as codes of bins: one column per feature. */
export interface DomainRows {
  /** Codes 0 … 255 of each row, column by column. */
  readonly columns: readonly Uint8Array[];
  /** Whether a column's codes have an order; without one a split takes one code against the rest. */
  readonly ordered: readonly boolean[];
  /** 1 for a row of the current set, 0 for one of the reference. */
  readonly domain: Uint8Array;
}

export interface DomainClassifier {
  /** Of rows left out of the fit: .5 when the two sets look alike. */
  readonly auc: number;
  /** Share of each column in what the classifier learned; sums to 1, or all 0 when it learned nothing. */
  readonly shares: readonly number[];
}

interface Split {
  readonly column: number;
  readonly code: number;
  readonly gain: number;
}

interface Tree {
  readonly split: Split | null;
  readonly value: number;
  readonly low: Tree | null;
  readonly high: Tree | null;
}

const ROUNDS = 30;
const DEPTH = 2;
const RATE = 0.3;
const LEAST_ROWS = 20;
const RIDGE = 1;

/**
 * Tells current rows from reference rows: boosted trees of depth 2 on binned columns (Friedman 2001, log loss), fitted on
 * one half and judged on the other, both ways (Rabanser et al. 2019, "Failing Loudly"). Null with fewer than 40 rows in
 * a set.
 */
export function domainClassifier(rows: DomainRows, seed: number): DomainClassifier | null {
  const current = rows.domain.reduce((sum, one) => sum + one, 0);
  if (Math.min(current, rows.domain.length - current) < 2 * LEAST_ROWS) return null;
  const random = seededRandom(seed);
  const [first, second] = halves(rows.domain, random);
  const gains = new Float64Array(rows.columns.length);
  const areas = [
    [first, second],
    [second, first],
  ].map(([fit, judge]) => {
    const trees = boost(rows, fit, gains);
    return auc(
      Float64Array.from(judge, (r) => scoreOf(trees, rows, r)),
      Float64Array.from(judge, (r) => rows.domain[r]),
    );
  });
  const total = gains.reduce((sum, gain) => sum + gain, 0);
  return {
    auc: ((areas[0] ?? 0.5) + (areas[1] ?? 0.5)) / 2,
    shares: Array.from(gains, (gain) => (total === 0 ? 0 : gain / total)),
  };
}

/** Each set cut in two at random, so that both halves hold both. */
function halves(domain: Uint8Array, random: Random): readonly [Uint32Array, Uint32Array] {
  const parts: [number[], number[]] = [[], []];
  for (const set of [0, 1]) {
    const own: number[] = [];
    domain.forEach((one, r) => {
      if (one === set) own.push(r);
    });
    for (let i = own.length - 1; i > 0; i -= 1) {
      const j = randomBelow(random, i + 1);
      [own[i], own[j]] = [own[j], own[i]];
    }
    own.forEach((r, i) => {
      parts[i % 2].push(r);
    });
  }
  return [Uint32Array.from(parts[0]), Uint32Array.from(parts[1])];
}

function boost(rows: DomainRows, fit: Uint32Array, gains: Float64Array): readonly Tree[] {
  const score = new Float64Array(rows.domain.length);
  const share = fit.reduce((sum, r) => sum + rows.domain[r], 0) / fit.length;
  const weightOf = [0.5 / (1 - share), 0.5 / share];
  const gradient = new Float64Array(rows.domain.length);
  const curvature = new Float64Array(rows.domain.length);
  const trees: Tree[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const r of fit) {
      const p = 1 / (1 + Math.exp(-score[r]));
      const weight = weightOf[rows.domain[r]];
      gradient[r] = weight * (rows.domain[r] - p);
      curvature[r] = weight * p * (1 - p);
    }
    const tree = grow(rows, fit, { gradient, curvature, gains }, DEPTH);
    if (tree.split === null) break;
    trees.push(tree);
    for (const r of fit) score[r] += leafOf(tree, rows, r);
  }
  return trees;
}

interface Fit {
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
  readonly gains: Float64Array;
}

function grow(rows: DomainRows, own: Uint32Array, fit: Fit, depth: number): Tree {
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

function bestSplit(rows: DomainRows, own: Uint32Array, fit: Fit, g: number, h: number): Split | null {
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

function isLow(rows: DomainRows, { column, code }: Split, r: number): boolean {
  const own = rows.columns[column][r];
  return rows.ordered[column] ? own <= code : own === code;
}

function leafOf(tree: Tree, rows: DomainRows, r: number): number {
  let at = tree;
  while (at.split !== null) {
    const next = isLow(rows, at.split, r) ? at.low : at.high;
    if (next === null) break;
    at = next;
  }
  return at.value;
}

function scoreOf(trees: readonly Tree[], rows: DomainRows, r: number): number {
  return trees.reduce((sum, tree) => sum + leafOf(tree, rows, r), 0);
}
