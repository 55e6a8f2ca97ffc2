import type { FeatureServiceData } from '../features/define/declaration.ts';

/** nullKey: the request names no entity · past: the tiles have seen events after the instant
 * · compute: the on-demand function failed · slow: the view did not answer within its latency budget
 * · overflow: the aggregate left its range or its cap · noRun: the batch view has not run yet. */
export type MissingReason = 'nullKey' | 'past' | 'compute' | 'slow' | 'overflow' | 'noRun';

/** Where the time of one read went; filled for a sample of the reads. By lookup of the service, ms; the age is Infinity where there is no answer. */
export interface ReadSteps {
  readonly lookupMs: Float64Array;
  readonly ageMs: Float64Array;
  /** All stream lookups together. */
  streamMs: number;
  /** The on-demand functions and what puts the vector together. */
  computeMs: number;
}

/** The facts of an answered vector that are measured. */
export interface MeasuredVector {
  readonly service: FeatureServiceData;
  readonly missing: readonly { readonly reason: MissingReason }[];
  /** Aliases of lookups whose data is older than the freshness budget of the view. */
  readonly stale: readonly string[];
}
