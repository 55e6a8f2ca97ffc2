import { normalQuantile } from '../normal-quantile.ts';

/** The confidence interval of a shift, and an estimate of it. */
export interface Shift {
  readonly low: number;
  readonly high: number;
  readonly estimate: number;
}

/**
 * The interval of the shift of `experiment` against `control` by the Mann–Whitney test: normal approximation with the
 * corrections for ties and continuity, as wilcox.test of R. The estimate is where the uncorrected statistic changes sign.
 */
export function mannWhitneyShift(experiment: readonly number[], control: readonly number[], confidence: number): Shift {
  const z = normalQuantile((1 + confidence) / 2);
  const differences = [experiment, control].map((values) => [Math.min(...values), Math.max(...values)] as const);
  const [[lowX, highX], [lowY, highY]] = differences;
  const [from, to] = [lowX - highY, highX - lowY];
  const at = (target: number, corrected: boolean) =>
    crossing((shift) => statistic(experiment, control, shift, corrected) - target, from, to);
  // A bound at a step of equal differences is that step: the rest of the bisection is no shift.
  const exact = (value: number) => (Math.abs(value) < 1e-4 * (to - from) ? 0 : value);
  return { low: exact(at(z, true)), high: exact(at(-z, true)), estimate: exact(at(0, false)) };
}

/** The standardised rank statistic of experiment less `shift` against control. */
function statistic(x: readonly number[], y: readonly number[], shift: number, corrected: boolean): number {
  const [n, m] = [x.length, y.length];
  const values = [...x.map((value) => [value - shift, 1] as const), ...y.map((value) => [value, 0] as const)];
  values.sort(([a], [b]) => a - b);
  let [ranks, ties] = [0, 0];
  for (let i = 0; i < values.length; ) {
    let j = i;
    let own = 0;
    while (j < values.length && values[j][0] === values[i][0]) {
      own += values[j][1];
      j += 1;
    }
    const size = j - i;
    ranks += (own * (i + 1 + j)) / 2;
    ties += size ** 3 - size;
    i = j;
  }
  const distance = ranks - (n * (n + 1)) / 2 - (n * m) / 2;
  const sigma = Math.sqrt(((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1))));
  if (sigma === 0) return 0;
  return (distance - (corrected ? Math.sign(distance) * 0.5 : 0)) / sigma;
}

/** Where a decreasing function of steps changes its sign. */
function crossing(of: (x: number) => number, from: number, to: number): number {
  const most = 1e-6 * (to - from);
  let [low, high] = [from - most, to + most];
  if (of(low) <= 0) return from;
  if (of(high) >= 0) return to;
  while (high - low > most) {
    const middle = (low + high) / 2;
    if (of(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
