import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Verdict } from '../features/engine/admission.ts';

/** The verdict on a record of a source's topic. */
export type RecordVerdict =
  | { readonly verdict: Exclude<Verdict, 'duplicate'> }
  /** It is the event of an earlier offset of the partition again. */
  | { readonly verdict: 'duplicate'; readonly first: number }
  /** It has no event: it was forgotten, or cannot be read. */
  | { readonly verdict: 'blank' };

/**
 * The verdicts of one source's rule on the records of its topic, for one reader.
 *
 * 1. They are those by which features and history count the event.
 * 2. Whether a record is accepted is a function of the log: asked again, also after a restart, it has the same answer. A repeat that comes
 *    after lateness and future skew of its source may be late instead of a duplicate.
 * 3. A repeat names the record of the same id that was accepted, in the same partition.
 * 4. A record that is not judged yet has none: the answer ends before it.
 */
export interface RecordVerdicts {
  /** The verdicts on up to `count` records of a partition from an offset on. Errors: those of the log. */
  of(partition: number, from: number, count: number): MaybePromise<readonly RecordVerdict[]>;
  /** By partition, the first offset that is needed to judge from an offset on. Errors: those of the log. */
  neededFrom(next: readonly number[]): Promise<readonly number[]>;
}
