import type { Cohort, Lane } from '../rollout/lane.ts';

/** A lane of a rollout: which one, and whose. */
export interface RolloutLane {
  readonly id: string;
  readonly lane: Exclude<Lane, 'champion'>;
  /** Group of the caller, which stays with its cohort; left out: unknown. */
  readonly group?: number;
}

/** The lane of a candidate's score of a copied request. */
export function shadowLane(rollout: string, group: number | null): RolloutLane {
  return { id: rollout, lane: 'shadow', ...(group === null ? {} : { group }) };
}

/** One answered prediction. */
export interface Prediction {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  /** Cohort of the caller in the rollout under way; champion without one. */
  readonly cohort: Cohort;
  /** The rollout under way; null: none. */
  readonly rollout: string | null;
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
  /** Left out: the champion answered, and nothing is compared with it. */
  readonly rollout?: RolloutLane;
}

/** A prediction for the log. */
export interface NewPrediction extends Pick<Prediction, 'id' | 'version' | 'score' | 'at' | 'ages' | 'missing'> {
  readonly lane?: RolloutLane;
}

/** Takes predictions of one partition in log order, `offset` being that of the first; null is a record that was blanked. */
export type TakePredictions = (
  partition: number,
  offset: number,
  predictions: readonly (LoggedPrediction | null)[],
) => void;
