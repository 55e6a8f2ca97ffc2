import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Value } from '../../schema/column.ts';
import type { ScoreCaller } from './score-caller.ts';
import type { Scored } from './score-queue.ts';

/** A loaded version that stays loaded until whoever holds it lets it go. */
export interface HeldVersion {
  readonly version: ModelVersion;
  /** Scores vectors of the model's service. Errors: MODEL_BUSY, MODEL_CELL, MODEL_DEADLINE, MODEL_LEFT, MODEL_SCORE, MODEL_FILE. */
  score(vectors: readonly (readonly Value[])[], caller?: ScoreCaller): Promise<Scored>;
  /** Lets it go; the last one to do so frees it, once every call has its scores. */
  release(): Promise<void>;
}
