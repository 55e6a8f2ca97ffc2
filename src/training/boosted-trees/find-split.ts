import type { BinnedFeature } from './bin-features.ts';
import type { Histogram } from './histogram.ts';

export interface SplitRules {
  readonly leafRows: number;
  readonly l2: number;
  /** Values that a leaf may have, from the monotone splits above it. */
  readonly low: number;
  readonly high: number;
}

export interface FoundSplit {
  readonly feature: number;
  readonly bin: number;
  readonly missing: boolean;
  /** Fall of the loss, to second order. */
  readonly gain: number;
  /** Unshrunken values of the children. */
  readonly yesValue: number;
  readonly noValue: number;
  readonly yesRows: number;
}

/** Least sum of hessians of a leaf. */
const LEAST_HESSIAN = 1e-3;

interface Sums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
}

/** The best split of a leaf; null where none lowers the loss within the rules. */
export function findSplit(
  histogram: Histogram,
  features: readonly BinnedFeature[],
  starts: readonly number[],
  total: Sums,
  rules: SplitRules,
): FoundSplit | null {
  let best: FoundSplit | null = null;
  const whole = score(total, rules);
  features.forEach((feature, index) => {
    const start = starts[index];
    const missing = binSums(histogram, start);
    const see = (yes: Sums, bin: number, missingYes: boolean) => {
      const split = judge(yes, total, feature.monotone, rules);
      if (split === null || split.gain - whole <= (best?.gain ?? 1e-12)) return;
      best = { ...split, gain: split.gain - whole, feature: index, bin, missing: missingYes };
    };
    let below: Sums = { gradient: 0, hessian: 0, rows: 0 };
    for (let bin = 1; bin < feature.count; bin += 1) {
      const own = binSums(histogram, start + bin);
      if (feature.category) {
        see(own, bin, false);
        continue;
      }
      below = add(below, own);
      if (bin < feature.count - 1) see(below, bin, false);
      // With all values on one side, missing values are the other.
      if (missing.rows > 0) see(bin === feature.count - 1 ? below : add(below, missing), bin, bin < feature.count - 1);
    }
  });
  return best;
}

function binSums({ sums, rows }: Histogram, bin: number): Sums {
  return { gradient: sums[2 * bin], hessian: sums[2 * bin + 1], rows: rows[bin] };
}

function add(a: Sums, b: Sums): Sums {
  return { gradient: a.gradient + b.gradient, hessian: a.hessian + b.hessian, rows: a.rows + b.rows };
}

/** The value of a leaf that lowers its loss most, within its bounds. */
function leafValue({ gradient, hessian }: Sums, { l2, low, high }: SplitRules): number {
  return Math.min(high, Math.max(low, -gradient / (hessian + l2)));
}

/** Twice the fall of the loss by a leaf's value. */
function score(sums: Sums, rules: SplitRules): number {
  const value = leafValue(sums, rules);
  return -(2 * sums.gradient * value + (sums.hessian + rules.l2) * value * value);
}

function judge(yes: Sums, total: Sums, monotone: number, rules: SplitRules) {
  const no = {
    gradient: total.gradient - yes.gradient,
    hessian: total.hessian - yes.hessian,
    rows: total.rows - yes.rows,
  };
  if (Math.min(yes.rows, no.rows) < rules.leafRows || Math.min(yes.hessian, no.hessian) < LEAST_HESSIAN) return null;
  const yesValue = leafValue(yes, rules);
  const noValue = leafValue(no, rules);
  if (monotone !== 0 && monotone * (noValue - yesValue) < 0) return null;
  return { gain: score(yes, rules) + score(no, rules), yesValue, noValue, yesRows: yes.rows };
}
