import type { Policy } from '../policy.ts';
import { safetyNet } from './safety-net.ts';
import { evenProgress } from './uniform-progress.ts';

/**
 * Uniform Progress that knows how long spot will stay: a start must pay for its changeover. From idle it takes spot that lasts
 * longer than k·d / (k − 1), from on demand longer than 2·k·d / (k − 1); d is the changeover, k the ratio of prices (Wu et al.,
 * NSDI 2024). A bound for comparisons: no runner knows the lifetime.
 */
export const nextLifetime: Policy = {
  name: 'next_lifetime',
  needsFuture: true,
  keepsSpot: true,
  decide: (job, tick, memory) => {
    if (tick.state === 'spot') return safetyNet(job, tick, evenProgress(job, tick, 0, 0));
    const { fromIdleS, fromOnDemandS } = lifetimeThresholds(job.priceRatio, job.changeoverS);
    const worthwhile = tick.available && tick.lifetimeS > (tick.state === 'idle' ? fromIdleS : fromOnDemandS);
    if (worthwhile === tick.available) return safetyNet(job, tick, evenProgress(job, tick, 0, 0));
    return nextLifetime.decide(job, { ...tick, available: false }, memory);
  },
};

/** The least lifetimes of spot, in seconds, that pay for a start; infinite where spot is not cheaper. */
export function lifetimeThresholds(
  priceRatio: number,
  changeoverS: number,
): { readonly fromIdleS: number; readonly fromOnDemandS: number } {
  const fromIdleS = priceRatio > 1 ? (priceRatio * changeoverS) / (priceRatio - 1) : Number.POSITIVE_INFINITY;
  return { fromIdleS, fromOnDemandS: 2 * fromIdleS };
}
