import { type Random, randomNormal } from '../../base/rng.ts';
import type { Prior } from '../techniques/technique.ts';

/** The standard normal quantile of 90 %. */
const Z90 = 1.2815515594;

/**
 * A draw from three quantiles: log-normal on each side of the median, so that p10 and p90 are met. Three equal quantiles are a
 * constant.
 */
export function drawPrior({ p10, p50, p90 }: Pick<Prior, 'p10' | 'p50' | 'p90'>, random: Random): number {
  const z = randomNormal(random);
  const spread = z < 0 ? Math.log(p50 / p10) : Math.log(p90 / p50);
  return p50 * Math.exp((z * spread) / Z90);
}

/** Draws as p10, p50, p90 and mean. */
export interface Range {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly mean: number;
}

/** Points of a fan: shares of the draws that are at most so much. */
const FAN_POINTS = 41;

/** The values that each share of the draws is at most, from none of them to all, evenly apart. */
export function fanOf(values: Float64Array): readonly number[] {
  const at = quantilesOf(values);
  return Array.from({ length: FAN_POINTS }, (_, i) => at(i / (FAN_POINTS - 1)));
}

/** Quantiles of draws by linear interpolation. */
function quantilesOf(values: Float64Array): (share: number) => number {
  const sorted = values.toSorted();
  return (share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const low = sorted[below] ?? Number.NaN;
    return low + (place - below) * ((sorted[below + 1] ?? low) - low);
  };
}

/** Draws in short. */
export function rangeOf(values: Float64Array): Range {
  const at = quantilesOf(values);
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9), mean: values.reduce((sum, one) => sum + one, 0) / values.length };
}

/** The share of the variance of one series that a straight line through another explains: r². 0 for a constant. */
export function explainedShare(input: Float64Array, output: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const [inputMean, outputMean] = [mean(input), mean(output)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let at = 0; at < input.length; at += 1) {
    const x = (input[at] ?? 0) - inputMean;
    const y = (output[at] ?? 0) - outputMean;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  // A constant differs from its mean by its last bits.
  if (xx <= 1e-18 * input.length * inputMean * inputMean || yy === 0) return 0;
  return (xy * xy) / (xx * yy);
}
