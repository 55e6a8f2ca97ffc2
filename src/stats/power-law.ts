import { numberText } from '../base/number-text.ts';
/** A measured value at a size. */
export interface SizedValue {
  readonly size: number;
  readonly value: number;
}

/** value = floor + scale · size^−exponent, and its spread. */
export interface PowerLaw {
  readonly floor: number;
  readonly scale: number;
  readonly exponent: number;
  /** Standard deviation of the values from the law. */
  readonly residual: number;
}

export type PowerLawFit =
  | {
      readonly fits: true;
      readonly law: PowerLaw;
      /** The largest size, as the law of the others predicts it, and as it was measured. */
      readonly heldOut: { readonly predicted: number; readonly measured: number };
      /** Value at a size, with the ends of its 80 % confidence interval. */
      readonly at: (size: number) => { readonly p10: number; readonly p50: number; readonly p90: number };
    }
  | { readonly fits: false; readonly reason: string };

/** Sizes that a fit needs: three unknowns, and one to judge it. */
export const LEAST_SIZES = 4;

/** The largest error at the size that was held out, as a share of the range of the values. */
const MOST_ERROR = 0.1;

/** Student's t at 0.9 by degrees of freedom, from 1; the last one holds for more. */
const T90 = [3.078, 1.886, 1.638, 1.533, 1.476, 1.44, 1.415, 1.397, 1.383, 1.372, 1.35];

/**
 * Fits a power law with a floor to values that fall with the size, as losses do with data or model size (Kaplan and others 2020,
 * Hestness and others 2017). It fits if the values fall, and the law of all but the largest size predicts the largest within a tenth of
 * their range. The band is a profile interval: the values of all laws whose squares are within t²/(n − 3) of the least. It says nothing about
 * a law that changes beyond the sizes.
 */
export function fitPowerLaw(values: readonly SizedValue[]): PowerLawFit {
  const refuse = (reason: string) => ({ fits: false, reason }) as const;
  if (values.some(({ size, value }) => !(size > 0 && Number.isFinite(size) && Number.isFinite(value))))
    return refuse('a size or a value is not a number above 0');
  const sizes = new Set(values.map(({ size }) => size));
  if (sizes.size < LEAST_SIZES) return refuse(`${sizes.size} sizes are too few: ${LEAST_SIZES} are needed`);
  const sorted = [...values].sort((a, b) => a.size - b.size);
  const largest = Math.max(...sizes);
  const [first, last] = [meanAt(sorted, sorted[0].size), meanAt(sorted, largest)];
  const all = sorted.map(({ value }) => value);
  const range = Math.max(...all) - Math.min(...all);
  if (range === 0) return refuse('every size has the same value');
  if (last >= first) return refuse('the values do not fall with the size');
  const others = sorted.filter(({ size }) => size !== largest);
  const predicted = lawAt(bestLaw(others), largest);
  if (!(Math.abs(predicted - last) <= MOST_ERROR * range))
    return refuse(
      `the law of the smaller sizes predicts ${numberText(predicted, 4)} for ${largest}, and ${numberText(last, 4)} was measured`,
    );
  const law = bestLaw(sorted);
  return {
    fits: true,
    law,
    heldOut: { predicted, measured: last },
    at: (size) => ({ p50: lawAt(law, size), ...bandAt(sorted, law, size) }),
  };
}

function lawAt({ floor, scale, exponent }: PowerLaw, size: number): number {
  return floor + scale * size ** -exponent;
}

function meanAt(values: readonly SizedValue[], size: number): number {
  const at = values.filter((one) => one.size === size);
  return at.reduce((sum, { value }) => sum + value, 0) / at.length;
}

/** The best floor and scale for each exponent are linear; the exponent is searched on a grid that is refined. */
function bestLaw(values: readonly SizedValue[]): PowerLaw {
  let [low, high] = [Math.log(0.01), Math.log(4)];
  let best = linear(values, 1);
  for (let round = 0; round < 6; round++) {
    const steps = round === 0 ? 20 : 8;
    const step = (high - low) / steps;
    for (let i = 0; i <= steps; i++) {
      const found = linear(values, Math.exp(low + i * step));
      if (found.residual < best.residual) best = found;
    }
    const at = Math.log(best.exponent);
    [low, high] = [at - step, at + step];
  }
  return best;
}

/** Least squares for a given exponent; a floor below 0 becomes 0. */
function linear(values: readonly SizedValue[], exponent: number): PowerLaw {
  const x = values.map(({ size }) => size ** -exponent);
  const count = values.length;
  const [meanX, meanY] = [sum(x) / count, sum(values.map(({ value }) => value)) / count];
  const covariance = sum(values.map(({ value }, i) => (x[i] - meanX) * (value - meanY)));
  const variance = sum(x.map((one) => (one - meanX) ** 2));
  let scale = variance === 0 ? 0 : Math.max(0, covariance / variance);
  let floor = meanY - scale * meanX;
  if (floor < 0) {
    floor = 0;
    scale = sum(values.map(({ value }, i) => x[i] * value)) / sum(x.map((one) => one * one));
  }
  const squares = sum(values.map(({ value }, i) => (value - floor - scale * x[i]) ** 2));
  return { floor, scale, exponent, residual: Math.sqrt(squares / Math.max(1, count - 3)) };
}

/**
 * The interval of the value at a size. For one exponent the law is a line in size^−exponent, whose values at x0 within a bound of the
 * squares are an interval (Bates and Watts 1988, section 6.1); the band is the union over all exponents.
 */
function bandAt(values: readonly SizedValue[], best: PowerLaw, size: number): { p10: number; p90: number } {
  const freedom = Math.max(1, values.length - 3);
  const t = T90[Math.min(freedom, T90.length) - 1] ?? 1.35;
  const bound = best.residual ** 2 * freedom * (1 + t ** 2 / freedom);
  let [p10, p90] = [lawAt(best, size), lawAt(best, size)];
  for (const exponent of exponentsAround(best.exponent)) {
    const law = linear(values, exponent);
    const spare = bound - law.residual ** 2 * freedom;
    if (spare < 0) continue;
    const x = values.map((one) => one.size ** -law.exponent);
    const meanX = sum(x) / x.length;
    const distance = (size ** -law.exponent - meanX) ** 2 / sum(x.map((one) => (one - meanX) ** 2));
    const width = Math.sqrt(spare * (1 / x.length + distance));
    p10 = Math.max(0, Math.min(p10, lawAt(law, size) - width));
    p90 = Math.max(p90, lawAt(law, size) + width);
  }
  return { p10, p90 };
}

/** Exponents at growing distances from one, on both sides: exact values leave a narrow choice, noisy ones a wide one. */
function exponentsAround(exponent: number): readonly number[] {
  const distances = Array.from({ length: 120 }, (_, i) => 1e-6 * 1.14 ** i);
  return distances.flatMap((distance) => [exponent * Math.exp(distance), exponent * Math.exp(-distance)]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
