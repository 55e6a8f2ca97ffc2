import type { FeatureServiceData } from '../../features/define/declaration.ts';
import type { KeptText } from '../../features/window/window-memo.ts';
import type { MissingReason } from '../../observe/measured-read.ts';
import type { Value } from '../../schema/column.ts';

/** One answered feature vector. */
export interface ServedVector {
  readonly service: FeatureServiceData;
  /** The instant asked for, epoch ms: events before it count. */
  readonly at: number;
  /** In the order of the service's features; null where there is nothing or no answer. */
  readonly values: readonly Value[];
  /** Positions without an answer, with the reason. An aggregate over nothing is an answer (null), not missing. */
  readonly missing: readonly MissingFeature[];
  /** Aliases of lookups whose data is older than the view's freshness budget. */
  readonly stale: readonly string[];
  /** Age of the data by tier, ms: the oldest of the tier's views; null where the service has none of the tier. */
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
  /** Whether values of a batch view are of a generation that was not there yet at the instant, or of none; absent: no. */
  readonly isAhead?: boolean;
  /** Whether the store may have lost acknowledged writes and is being caught up: what is there may be too little. */
  readonly degraded: boolean;
  /** Events per stream lookup and window (in the order of {@link windowsOf}), where they were asked for: for the skew audit. */
  readonly counts: readonly (readonly number[])[];
  /** By lookup of the service: where the text of its values is kept, if they are those of a read before. */
  readonly texts: readonly (KeptText | null)[];
}

/** A vector that was read and is in no log, profile or figure: whoever uses it records it then. */
export interface UnrecordedVector {
  /** The request as it was parsed. */
  readonly request: readonly Value[];
  readonly vector: ServedVector;
  /** Duration of the read, ms; null: its values are not those of a read of the online store. */
  readonly tookMs: number | null;
}

export interface MissingFeature {
  /** Index into the service's features. */
  readonly feature: number;
  readonly reason: MissingReason;
}
