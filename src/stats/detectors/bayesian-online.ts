import { type Detector, restarting } from './detector.ts';

export interface BayesianOnlineOptions {
  /** Mean and variance of the mean of a stretch, before its values; 0 and 1. */
  readonly priorMean?: number;
  readonly priorVariance?: number;
  /** Variance of values around the mean of their stretch; 0.5. Standardise values whose variance is not known. */
  readonly dataVariance?: number;
  /** Chance of a change at each value: 1 / the expected length of a stretch; 0.01. */
  readonly hazard?: number;
}

/** The longest run lengths that have their own place. Beyond it the oldest share one place: a stretch that long has a known mean. */
const MOST_LENGTHS = 2_000;

interface State {
  /** Log probability of each run length, from 0. */
  readonly logs: readonly number[];
  /** Posterior mean and precision of the mean, by run length. */
  readonly means: readonly number[];
  readonly precisions: readonly number[];
  /** The most likely run length. */
  readonly longest: number;
}

/**
 * Bayesian online change detection of a normal mean (Adams and MacKay 2007, algorithm 1). A change is where the most likely run
 * length no longer grows.
 */
export function bayesianOnline(options: BayesianOnlineOptions = {}): Detector {
  const { priorMean = 0, priorVariance = 1, dataVariance = 0.5, hazard = 0.01 } = options;
  const start = (): State => ({ logs: [0], means: [priorMean], precisions: [1 / priorVariance], longest: 0 });
  const next = stepper(start(), dataVariance, hazard);
  return restarting(
    () => ({ now: start(), n: 0 }),
    (state, value) => {
      const before = state.now.longest;
      state.now = next(state.now, value);
      state.n += 1;
      return state.n > 1 && state.now.longest <= before ? 'drift' : 'stable';
    },
  );
}

function stepper(prior: State, dataVariance: number, hazard: number): (state: State, value: number) => State {
  return ({ logs, means, precisions }, value) => {
    const likely = logs.map((log, i) => log + logNormal(value, means[i], 1 / precisions[i] + dataVariance));
    const changed = Math.log(hazard) + logSum(likely);
    const grown = [changed, ...likely.map((log) => log + Math.log1p(-hazard))].slice(0, MOST_LENGTHS);
    const total = logSum(grown);
    let longest = 0;
    for (let i = 1; i < grown.length; i += 1) if (grown[i] > grown[longest]) longest = i;
    const weights = precisions.map((precision) => precision + 1 / dataVariance);
    return {
      logs: grown.map((log) => log - total),
      means: [
        prior.means[0],
        ...means.map((mean, i) => (mean * precisions[i] + value / dataVariance) / weights[i]),
      ].slice(0, MOST_LENGTHS),
      precisions: [prior.precisions[0], ...weights].slice(0, MOST_LENGTHS),
      longest,
    };
  };
}

function logNormal(value: number, mean: number, variance: number): number {
  return -0.5 * (Math.log(2 * Math.PI * variance) + (value - mean) ** 2 / variance);
}

function logSum(logs: readonly number[]): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const log of logs) most = Math.max(most, log);
  let sum = 0;
  for (const log of logs) sum += Math.exp(log - most);
  return most + Math.log(sum);
}
