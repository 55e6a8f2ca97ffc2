import { callerBucket } from '../../base/hash/caller-bucket.ts';
import { fnv1a32 } from '../../base/hash/fnv.ts';

/** A version by number, with the digest of its file. */
export interface StreamVersion {
  readonly version: number;
  readonly digest: string;
}

/** Some keys get another version: those whose bucket is below the share. */
export interface Canary extends StreamVersion {
  /** Of 10,000 buckets. */
  readonly buckets: number;
  readonly salt: string;
  /**
   * Of a rollout: the column of the request by which callers keep their cohort, online as here; null: the id of the record. Left out: the
   * share is of the keys of the request's lookups.
   */
  readonly caller?: string | null;
}

/** Offsets of a partition from `from` until the next interval. */
export interface Interval extends StreamVersion {
  readonly from: number;
  /** The plan that made it; 0: the job's first version. */
  readonly plan: number;
  readonly canary: Canary | null;
}

const BUCKETS = 10_000;

/** The bucket of a key: a greater share only adds keys to a smaller one with the same salt. */
export function bucketOf(salt: string, key: string): number {
  return fnv1a32(`${salt}\n${key}`) % BUCKETS;
}

/** The interval of an offset: intervals are in order, and cover every offset from that of the first. */
export function intervalAt(intervals: readonly Interval[], offset: number): Interval {
  let at = intervals.length - 1;
  while (at > 0 && intervals[at].from > offset) at -= 1;
  return intervals[at];
}

/**
 * The version that scores a record: a pure function of its partition's intervals, its offset and its key. `key`: of the record, as a canary
 * reads it; null: it has none.
 */
export function versionAt(
  intervals: readonly Interval[],
  offset: number,
  key: string | ((canary: Canary) => string | null),
): StreamVersion {
  const whole = intervalAt(intervals, offset);
  const { canary } = whole;
  const isCanary = canary !== null && isOf(canary, typeof key === 'string' ? key : key(canary));
  const { version, digest } = isCanary ? canary : whole;
  return { version, digest };
}

/** A caller of a rollout has the cohort that it has online. */
function isOf({ salt, buckets, caller }: Canary, key: string | null): boolean {
  if (key === null) return false;
  const bucket = caller === undefined ? bucketOf(salt, key) : callerBucket(salt, key);
  return bucket < buckets;
}
