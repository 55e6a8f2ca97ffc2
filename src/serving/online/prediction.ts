/** One answered prediction. */
export interface Prediction {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  /** Probability of true, or the predicted value. */
  readonly score: number;
  /** The instant its features are as of, epoch ms. */
  readonly at: number;
  /** Age of its data by tier, ms. */
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
  /** Features without an answer. */
  readonly missing: number;
}

/** A prediction as the log has it. */
export interface LoggedPrediction {
  readonly id: string;
  readonly at: number;
  /** When it was logged, just before it was answered; never decreases within a partition. Epoch ms. */
  readonly servedAt: number;
  readonly version: number;
  readonly score: number;
  readonly streamingAgeMs: number | null;
  readonly batchAgeMs: number | null;
  readonly missing: number;
}

/** Takes predictions of one partition in log order, `offset` being that of the first; null is a record that was blanked. */
export type TakePredictions = (
  partition: number,
  offset: number,
  predictions: readonly (LoggedPrediction | null)[],
) => void;
