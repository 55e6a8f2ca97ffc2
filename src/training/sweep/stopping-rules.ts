import type { StoppingRule } from './stopping.ts';

/**
 * Continues unless the loss is above the linear percentile 1/eta of the losses that came to the rung before. The first arrival
 * continues. The rule of asynchronous Hyperband in Ray Tune, without its faults: a loss that is not finite never comes here.
 */
export function percentileRule(eta: number): StoppingRule {
  return ({ rung, loss, before }) => {
    const losses = [...(before[rung]?.values() ?? [])];
    return (
      losses.length === 0 ||
      -loss >=
        percentile(
          losses.map((one) => -one),
          1 - 1 / eta,
        )
    );
  };
}

/**
 * Continues if the loss is among the best `max(floor(n / eta), 1)` of the n losses at the rung, its own included. The rule of
 * Optuna's pruner of successive halving. `bootstrap`: losses that a rung needs before anything continues.
 */
export function rankRule(eta: number, bootstrap = 0): StoppingRule {
  return ({ rung, loss, before }) => {
    const losses = [...(before[rung]?.values() ?? []), loss].sort((a, b) => a - b);
    if (losses.length <= bootstrap) return false;
    return loss <= (losses[Math.max(Math.floor(losses.length / eta) - 1, 0)] ?? Number.POSITIVE_INFINITY);
  };
}

/**
 * Continues unless the trial's best loss so far is above the median of the other trials' mean losses up to the rung (Golovin and
 * others 2017). `least`: trials that the median needs.
 */
export function medianRule(least = 3): StoppingRule {
  return ({ trial, rung, loss, before }) => {
    const upTo = before.slice(0, rung + 1);
    const means = [...(before[rung]?.keys() ?? [])]
      .filter((other) => other !== trial)
      .map((other) => mean(upTo.flatMap((losses) => losses.get(other) ?? [])));
    if (means.length < least) return true;
    const own = Math.min(loss, ...upTo.flatMap((losses) => losses.get(trial) ?? []));
    return own <= percentile(means, 0.5);
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The linear percentile: between the two nearest order statistics (Hyndman and Fan's type 7). */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  const high = sorted[Math.ceil(place)] ?? low;
  return low + (high - low) * (place - Math.floor(place));
}
