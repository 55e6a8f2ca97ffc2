import { partitionOf } from '../../base/hash/partition-of.ts';
import type { Rollout } from '../../ports/rollout-store.ts';

/** The lane of a prediction: the champion, the canary, the baseline of the canary, or a shadow, which answers nobody. */
export type Lane = 'champion' | 'canary' | 'baseline' | 'shadow';

/** The lanes of answers. */
export type Cohort = Exclude<Lane, 'shadow'>;

/** Number of buckets of callers: a step is a whole number of them. */
const BUCKETS = 10_000;

/**
 * The cohort of a caller. Canary and baseline grow from the two ends of the buckets, so that a rise only adds callers to
 * each. Every process gives the same answer: it depends on the stored rollout and the key alone. Without a key: champion.
 */
export function cohortOf(rollout: Rollout, key: string | null): Cohort {
  if (key === null) return 'champion';
  const edge = Math.round(percentOf(rollout) * (BUCKETS / 100));
  if (edge === 0 || edge === BUCKETS) return 'champion';
  const bucket = partitionOf(`${rollout.salt}/${key}`, BUCKETS);
  if (bucket < edge) return 'canary';
  return bucket >= BUCKETS - edge ? 'baseline' : 'champion';
}

/** Percentage of the callers that the candidate answers. */
export function percentOf({ state, held, plan, step }: Pick<Rollout, 'state' | 'held' | 'plan' | 'step'>): number {
  switch (state) {
    case 'shadow':
    case 'rolledBack':
      return 0;
    case 'canary':
      return plan.steps[step];
    case 'held':
      return held?.from === 'canary' ? plan.steps[step] : 0;
    case 'soaking':
    case 'completed':
      return 100;
    default:
      return state satisfies never;
  }
}

/** The version that answers a cohort. */
export function versionOf(rollout: Rollout, cohort: Cohort): number {
  const isPromoted = rollout.state === 'soaking' || rollout.state === 'completed';
  return cohort === 'canary' || isPromoted ? rollout.candidate : rollout.champion;
}

/** Whether the candidate scores copies of requests. */
export function isShadowing({ state, held }: Pick<Rollout, 'state' | 'held'>): boolean {
  return state === 'shadow' || (state === 'held' && held?.from === 'shadow');
}

/** Whether canary and baseline answer side by side. */
export function isCompared({ state, held }: Pick<Rollout, 'state' | 'held'>): boolean {
  return state === 'canary' || (state === 'held' && held?.from === 'canary');
}
