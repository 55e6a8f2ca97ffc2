import { type Random, randomNormal } from '../../base/rng.ts';
import { normalSf } from '../../stats/distributions/normal.ts';
import type { Parameters } from './search-space.ts';
import type { Parameter, SweepFile } from './sweep-file.ts';

/** A trial that has a loss. */
export interface Observation {
  readonly parameters: Parameters;
  /** Not finite: worse than every other. */
  readonly loss: number;
}

/** As in Optuna's TPESampler: candidates for each parameter, the share of good trials, and the most of them. */
const CANDIDATES = 24;
const GOOD_SHARE = 0.1;
const MOST_GOOD = 25;
/** A kernel is at least 1/100 of the range wide. */
const MOST_KERNELS = 100;
const DRAWS_OF_A_KERNEL = 50;

/**
 * Parameters of the next trial by tree-structured Parzen estimators (Bergstra et al., NeurIPS 2011): for each parameter the candidate
 * of the good trials' density with the greatest ratio to that of the others. Parameters are independent of each other.
 */
export function suggest(
  parameters: SweepFile['parameters'],
  observed: readonly Observation[],
  random: Random,
): Parameters {
  const sorted = observed.toSorted((a, b) => orderOf(a.loss) - orderOf(b.loss));
  const goodCount = Math.min(MOST_GOOD, Math.ceil(GOOD_SHARE * sorted.length));
  const [good, others] = [sorted.slice(0, goodCount), sorted.slice(goodCount)];
  const valuesOf = (some: readonly Observation[], name: string) => some.map((one) => one.parameters[name]);
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [
      name,
      'values' in parameter
        ? ofList(parameter.values, valuesOf(good, name), valuesOf(others, name), random)
        : ofRange(parameter, valuesOf(good, name), valuesOf(others, name), random),
    ]),
  );
}

function orderOf(loss: number): number {
  return Number.isFinite(loss) ? loss : Number.MAX_VALUE;
}

type Values = readonly (number | string | boolean | undefined)[];

/** A value of a list: counts, with one more for each, are the densities. */
function ofList(values: readonly (number | string | boolean)[], good: Values, others: Values, random: Random) {
  const weights = (some: Values) =>
    values.map((value) => 1 / values.length + some.filter((one) => one === value).length);
  const [low, high] = [weights(good), weights(others)];
  const sum = low.reduce((total, one) => total + one, 0);
  let best = { index: 0, score: Number.NEGATIVE_INFINITY };
  for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
    const index = placeOf(low, random() * sum);
    const score = Math.log(low[index] ?? 1) - Math.log(high[index] ?? 1);
    if (score > best.score) best = { index, score };
  }
  return values[best.index] ?? 0;
}

/** The index at which the running sum of weights passes a number. */
function placeOf(weights: readonly number[], number: number): number {
  let left = number;
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return weights.length - 1;
}

type RangeParameter = Extract<Parameter, { readonly min: number }>;

/** A number of a range, on its own scale. */
function ofRange(parameter: RangeParameter, good: Values, others: Values, random: Random): number {
  const { min, max, scale, whole } = parameter;
  const inner = (value: number) => (scale === 'log' ? Math.log(value) : value);
  const [from, to] = [inner(min), inner(max)];
  if (!(to > from)) return min;
  const points = (some: Values) => some.flatMap((one) => (typeof one === 'number' ? [inner(one)] : []));
  const [low, high] = [parzen(points(good), from, to), parzen(points(others), from, to)];
  let best = { value: (from + to) / 2, score: Number.NEGATIVE_INFINITY };
  for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
    const value = low.draw(random);
    const score = low.logDensity(value) - high.logDensity(value);
    if (score > best.score) best = { value, score };
  }
  const outer = scale === 'log' ? Math.exp(best.value) : best.value;
  return Math.min(max, Math.max(min, whole ? Math.round(outer) : outer));
}

/** Normal kernels at the points, as wide as the way to the farther neighbour, and one over the whole range. */
function parzen(points: readonly number[], from: number, to: number) {
  const range = to - from;
  const middle = (from + to) / 2;
  const centres = [...points, middle].sort((a, b) => a - b);
  const least = range / Math.min(MOST_KERNELS, centres.length + 1);
  const prior = centres.indexOf(middle);
  const kernels = centres.map((centre, index) => {
    const before = centre - (centres[index - 1] ?? from);
    const after = (centres[index + 1] ?? to) - centre;
    return { centre, width: index === prior ? range : Math.min(range, Math.max(least, before, after)) };
  });
  return {
    draw(random: Random): number {
      const { centre, width } = kernels[Math.floor(random() * kernels.length)] ?? { centre: middle, width: range };
      for (let draw = 0; draw < DRAWS_OF_A_KERNEL; draw += 1) {
        const value = centre + width * randomNormal(random);
        if (value >= from && value <= to) return value;
      }
      return centre;
    },
    logDensity(value: number): number {
      const sum = kernels.reduce((total, { centre, width }) => {
        const z = (value - centre) / width;
        const inside = normalSf((from - centre) / width) - normalSf((to - centre) / width);
        return total + Math.exp(-0.5 * z * z) / (width * inside);
      }, 0);
      return Math.log(sum / kernels.length + 1e-300);
    },
  };
}
