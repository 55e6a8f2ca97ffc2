import type { ModelSkew } from './fed-audit.ts';

/**
 * Why a served value differs from its recomputation over the history: lateness — the data came after the instant, and
 * no serving could have had it; staleness — it had come, and was not yet served, or a generation was served that
 * another had followed; logic — the same events gave another value: an incident.
 */
export type MismatchClass = 'lateness' | 'staleness' | 'logic';

export interface FeatureSkew {
  readonly feature: string;
  readonly compared: number;
  /** Values without an answer when they were served, for which the history has one. */
  readonly missing: number;
  readonly mismatches: Readonly<Record<MismatchClass, number>>;
  /** The mean of |a − b| / ((|a| + |b|) / 2) over compared numbers, 0 where both are 0. */
  readonly smape: number | null;
}

export interface SkewReport {
  readonly service: string;
  /** Vectors logged in the span. */
  readonly logged: number;
  /** Those of them that were recomputed. */
  readonly vectors: number;
  /** Values compared. */
  readonly compared: number;
  /** Values without an answer when they were served, for which the history has one. */
  readonly missing: number;
  readonly features: readonly FeatureSkew[];
  readonly mismatches: Readonly<Record<MismatchClass, number>>;
  /** The inputs of the service's models, compared with training sets; differences are counted under logic too. */
  readonly models: readonly ModelSkew[];
  /** Up to ten logic mismatches, to look into. */
  readonly examples: readonly {
    readonly id: string;
    readonly at: number;
    readonly feature: string;
    readonly served: string;
    readonly recomputed: string;
  }[];
}
