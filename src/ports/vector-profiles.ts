import type { FeatureServiceData } from '../features/define/declaration.ts';
import type { Value } from '../schema/column.ts';

/** A served vector, as far as a profile needs it. */
export interface ProfiledVector {
  /** The instant asked for, epoch ms. */
  readonly at: number;
  /** In the order of the service's features; null where there is nothing or no answer. */
  readonly values: readonly Value[];
}

/**
 * Profiles of served vectors.
 *
 * 1. The function of a service takes every vector that the service answers, before the answer leaves.
 * 2. It never throws and never waits: an answer does not depend on its profile.
 */
export interface VectorProfiles {
  takerOf(service: FeatureServiceData): (vector: ProfiledVector) => void;
}
