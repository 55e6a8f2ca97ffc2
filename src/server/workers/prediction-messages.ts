import { describedError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { NewPrediction } from '../../serving/online/prediction.ts';

/** Predictions of one model that were made together. */
export interface PredictionBatch {
  readonly model: string;
  readonly predictions: readonly NewPrediction[];
}

/** An error as another process reads it. */
export interface DescribedError {
  /** null: it is not of the catalogue. */
  readonly code: string | null;
  readonly message: string;
}

/** From a process of a group to the one that writes. */
export type ToWriter =
  | { readonly kind: 'append'; readonly id: number; readonly batches: readonly PredictionBatch[] }
  /** It follows the change that it was asked to. */
  | { readonly kind: 'followed'; readonly id: number };

/** From the process that writes. */
export type FromWriter =
  /** The outcome of each batch; null: the log has it. */
  | { readonly kind: 'appended'; readonly id: number; readonly outcomes: readonly (DescribedError | null)[] }
  /** A rollout or a champion has changed. */
  | { readonly kind: 'follow'; readonly id: number };

export function described(error: unknown): DescribedError {
  return isHeadraceError(error)
    ? { code: error.code, message: error.message }
    : { code: null, message: reasonOf(error) };
}

/** The error that was described. */
export function undescribed({ code, message }: DescribedError): Error {
  return (code === null ? null : describedError(code, message)) ?? new Error(message);
}
