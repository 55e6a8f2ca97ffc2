import { partitionOf } from './partition-of.ts';

/** Number of buckets of callers: a share is a whole number of them. */
export const CALLER_BUCKETS = 10_000;

/** The bucket of a caller of a rollout, the same online and in streams. Stable: stored version maps depend on it. */
export function callerBucket(salt: string, key: string): number {
  return partitionOf(`${salt}/${key}`, CALLER_BUCKETS);
}
