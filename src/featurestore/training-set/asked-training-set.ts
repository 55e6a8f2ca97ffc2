import type { ReadMode } from '../../features/plan/stream-read.ts';
import type { JoinedSpine } from './join-spine.ts';
import type { SpineOptions } from './spine.ts';
import type { TrainingSetSummary } from './training-set.ts';

/** A request to another process to write a training set: plain data, and names from the declaration. */
export type AskedTrainingSet = {
  readonly mode: ReadMode;
  /** The Parquet file to write. */
  readonly path: string;
} & (
  | {
      readonly kind: 'model';
      readonly model: string;
      readonly between: { readonly from: number | null; readonly to: number | null };
      /** Labels can have come by now, epoch ms. */
      readonly now: number;
      /** Spans whose rows are left out. */
      readonly exclude?: readonly { readonly from: number; readonly to: number }[];
    }
  | { readonly kind: 'spine'; readonly service: string; readonly spine: SpineOptions }
);

/** How the writing of a training set is followed and ended. */
export interface TrainingSetRun {
  /** Takes progress and warnings, in words. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Ends the writing; it then fails, and leaves no file. */
  readonly signal?: AbortSignal | undefined;
}

/** Writes training sets from the published history in another process, so that the one that serves is free. */
export type TrainingSetProgram = (
  asked: AskedTrainingSet,
  run: TrainingSetRun,
) => Promise<TrainingSetSummary | JoinedSpine>;
