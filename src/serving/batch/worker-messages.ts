import type { ErrorCode, HeadraceError } from '../../base/errors/fail.ts';
import type { ScoreTable } from '../../ports/score-files.ts';
import type { ScoredVersion } from '../../versions/load/scored-version.ts';
import type { Partition } from './batch-spec.ts';
import type { FileIdentity } from './file-identity.ts';
import type { Part } from './part-manifest.ts';
import type { Rejection, RowRange } from './score-range.ts';

/** The first message to a worker. */
export interface OpenMessage {
  readonly kind: 'open';
  readonly job: string;
  readonly scored: ScoredVersion;
  readonly table: ScoreTable;
  /** The input as the coordinator saw it; null: the table is a copy that nobody else writes. */
  readonly identity: FileIdentity | null;
  readonly jobPath: string;
}

/** An attempt at one partition. */
export interface ScoreMessage {
  readonly kind: 'score';
  readonly partition: Partition;
  readonly attempt: string;
  /** Rows of the input among which one ended a worker; null: none. */
  readonly suspect: RowRange | null;
  /** Rows of the input that are not to be run. */
  readonly skip: readonly (readonly [row: number, rejection: Rejection])[];
  /** Rows that may be rejected. */
  readonly mostRejected: number;
}

export type ToBatchWorker = OpenMessage | ScoreMessage;

export type FromBatchWorker =
  | { readonly kind: 'ready' }
  /** Rows of the input that run now. */
  | { readonly kind: 'run'; readonly rows: RowRange }
  /** No row runs any more: the partition is written. */
  | { readonly kind: 'scored' }
  /** `part` is the one that counts: of this attempt, or of the one that was first. */
  | { readonly kind: 'done'; readonly partition: number; readonly part: Part }
  | {
      readonly kind: 'failed';
      /** null: of an error that is not catalogued. */
      readonly code: ErrorCode | null;
      readonly facts: HeadraceError['facts'];
      readonly message: string;
    };
