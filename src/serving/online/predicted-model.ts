import type { FedLog } from '../../featurestore/skew/fed-log.ts';
import type { Value } from '../../schema/column.ts';
import type { RolloutLanes } from '../rollout/rollout-lanes.ts';
import type { ModelServer } from './model-server.ts';
import type { NewPrediction } from './prediction.ts';

/** Puts declared values in the place of faulty features of a vector. */
export type VectorGuard = (values: readonly Value[]) => readonly Value[];

/** A model that predictions are made with, in the process that has its log or in one that hands them to it. */
export interface PredictedModel {
  readonly server: Pick<ModelServer, 'serving' | 'refusal'>;
  readonly rollouts: { readonly lanes: RolloutLanes };
  readonly fed: Pick<FedLog, 'add'>;
  /** Logs predictions; ends when all are in the log. Errors: those of the log, SERVER_WRITER. */
  readonly log: { append(predictions: readonly NewPrediction[]): Promise<unknown> };
  /** null: no feature is replaced. */
  inputGuard(): VectorGuard | null;
}
