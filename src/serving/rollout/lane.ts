import { CALLER_BUCKETS, callerBucket } from '../../base/hash/caller-bucket.ts';
import type { Rollout } from '../../ports/rollout-store.ts';

/** The lane of a prediction: the champion, the canary, the baseline of the canary, or a shadow, which answers nobody. */
export type Lane = 'champion' | 'canary' | 'baseline' | 'shadow';

/** The lanes of answers. */
export type Cohort = Exclude<Lane, 'shadow'>;

/**
 * The cohort of a caller. Canary and baseline grow from the two ends of the buckets, so that a rise only adds callers to
 * each. Every process gives the same answer: it depends on the stored rollout and the key alone. Without a key: champion.
 */
export function cohortOf(rollout: Rollout, key: string | null): Cohort {
  return cohortOfShare(rollout.salt, key, bucketsOf(rollout));
}

/** The cohort of a caller where the canary has this number of the 10,000 buckets. */
export function cohortOfShare(salt: string, key: string | null, edge: number): Cohort {
  if (key === null || edge === 0 || edge === CALLER_BUCKETS) return 'champion';
  const bucket = callerBucket(salt, key);
  if (bucket < edge) return 'canary';
  return bucket >= CALLER_BUCKETS - edge ? 'baseline' : 'champion';
}

/** The canary's share of the 10,000 buckets of callers. */
export function bucketsOf(rollout: Pick<Rollout, 'state' | 'held' | 'plan' | 'step'>): number {
  return Math.round(percentOf(rollout) * (CALLER_BUCKETS / 100));
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
