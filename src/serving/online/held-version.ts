import { fail } from '../../base/errors/fail.ts';
import type { FeatureServiceData } from '../../features/define/declaration.ts';
import { type FedNumbers, fedNumbers, type ModelRows, newRows } from '../../model/model-rows.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import type { Value } from '../../schema/column.ts';
import type { HeldScorer, ScoreCaller } from '../../versions/cache/registered-versions.ts';
import { featureRow } from './feature-row.ts';

/** Scores of a call, and the one version that gave them. */
export interface Scores {
  readonly version: number;
  readonly scores: Float64Array;
  /** Names of the version's inputs, and their numbers for a row of the call. */
  readonly features: readonly string[];
  readonly fed: (row: number) => FedNumbers;
}

/** A loaded version that scores vectors of its model's service, and stays loaded until whoever holds it lets it go. */
export interface HeldVersion {
  readonly version: ModelVersion;
  /** Scores vectors of the model's service. Errors: MODEL_BUSY, MODEL_CELL, MODEL_DEADLINE, MODEL_LEFT, MODEL_SCORE, MODEL_FILE. */
  score(vectors: readonly (readonly Value[])[], caller?: ScoreCaller): Promise<Scores>;
  /** Lets it go; the last one to do so frees it, once every call has its scores. */
  release(): Promise<void>;
}

/** A held version as one that scores vectors. Errors: MODEL_SIGNATURE, MODEL_ENCODING. Hot path. */
export function heldVersion(service: FeatureServiceData, held: HeldScorer): HeldVersion {
  const { version, inputs } = held;
  const toRow = featureRow(service, version, inputs);
  const {
    version: number,
    signature: { features },
  } = version;
  const rowsOf = (vectors: readonly (readonly Value[])[]): ModelRows => {
    const rows = newRows(inputs, vectors.length);
    for (let i = 0; i < vectors.length; i += 1) toRow(vectors[i], rows, i);
    return rows;
  };
  return {
    version,
    score: async (vectors, caller) => {
      const rows = rowsOf(vectors);
      const scores = await held.run(rows, caller);
      // A run that holds the thread ends before the timer of its caller is looked at.
      if (caller?.deadline !== undefined && caller.deadline <= performance.now())
        throw fail('MODEL_DEADLINE', { model: version.model });
      mustBeScores(version, scores);
      return { version: number, scores, features, fed: (row) => fedNumbers(inputs, rows, row) };
    },
    release: () => held.close(),
  };
}

/** Error: MODEL_SCORE, for a score that is no number. */
function mustBeScores({ model, version }: ModelVersion, scores: Float64Array): void {
  const row = scores.findIndex((score) => !Number.isFinite(score));
  if (row >= 0) throw fail('MODEL_SCORE', { model, version, score: scores[row], row });
}
