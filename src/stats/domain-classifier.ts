import { type Random, randomBelow, seededRandom } from '../base/rng.ts';
import { auc } from './auc.ts';
import { boostTrees, type CodedRows, scoreOf, type Tree } from './boosted-trees.ts';

/** Two sets of rows as codes of bins: one column per feature. */
export interface DomainRows extends CodedRows {
  /** 1 for a row of the current set, 0 for one of the reference. */
  readonly domain: Uint8Array;
}

export interface DomainClassifier {
  /** Of rows left out of the fit: .5 when the two sets look alike. */
  readonly auc: number;
  /** The 95 % interval of that: the error of a rank statistic (Hanley and McNeil 1982). */
  readonly interval: readonly [number, number];
  /** Share of each column in what the classifier learned; sums to 1, or all 0 when it learned nothing. */
  readonly shares: readonly number[];
}

const ROUNDS = 30;
const DEPTH = 2;
const LEAST_ROWS = 20;

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
  const area = ((areas[0] ?? 0.5) + (areas[1] ?? 0.5)) / 2;
  const error = 1.96 * areaError(area, current, rows.domain.length - current);
  return {
    auc: area,
    interval: [Math.max(0, area - error), Math.min(1, area + error)],
    shares: Array.from(gains, (gain) => (total === 0 ? 0 : gain / total)),
  };
}

/** Standard error of an AUC of `n` rows against `m`. */
function areaError(area: number, n: number, m: number): number {
  const q = area / (2 - area) - area ** 2;
  const r = (2 * area ** 2) / (1 + area) - area ** 2;
  return Math.sqrt(Math.max(0, area * (1 - area) + (n - 1) * q + (m - 1) * r) / (n * m));
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
  const share = fit.reduce((sum, r) => sum + rows.domain[r], 0) / fit.length;
  const weightOf = [0.5 / (1 - share), 0.5 / share];
  return boostTrees(rows, fit, {
    rounds: ROUNDS,
    depth: DEPTH,
    gains,
    slopes: (scores, { gradient, curvature }) => {
      for (const r of fit) {
        const p = 1 / (1 + Math.exp(-scores[r]));
        const weight = weightOf[rows.domain[r]];
        gradient[r] = weight * (rows.domain[r] - p);
        curvature[r] = weight * p * (1 - p);
      }
    },
  });
}
