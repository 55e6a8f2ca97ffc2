import type { ModelRows } from '../../model/model-rows.ts';
import type { RowInputs } from '../../model/row-inputs.ts';
import type { VersionTools } from '../../versions/load/load-for-job.ts';
import { loadOutputs } from '../../versions/load/output-scorer.ts';
import { loadScored, type ScoredVersion } from '../../versions/load/scored-version.ts';
import { type ColumnSink, outputSink, scoreColumn } from './output-sink.ts';

/** A version as a worker of a job runs it, and what takes the results of its runs. */
export interface JobModel {
  readonly inputs: RowInputs;
  run(rows: ModelRows): Promise<unknown>;
  newSink(rows: number): ColumnSink<unknown>;
  close(): Promise<void>;
}

/** A model with a sink of the results that it answers: the two always come together. */
function paired<R>(
  model: { readonly inputs: RowInputs; run(rows: ModelRows): Promise<R>; close(): Promise<void> },
  newSink: (rows: number) => ColumnSink<R>,
): JobModel {
  return {
    inputs: model.inputs,
    run: (rows) => model.run(rows),
    newSink: (rows) => {
      const { take, columns } = newSink(rows);
      return { take: (row, result, place) => take(row, result as R, place), columns };
    },
    close: () => model.close(),
  };
}

/** Loads a resolved version as jobs run it: for one score a row, or for its outputs by name. Errors: ARTIFACT_*, MODEL_*, PYTHON_*. */
export async function loadJobModel(scored: ScoredVersion, tools: VersionTools): Promise<JobModel> {
  const { outputs = null } = scored;
  if (outputs === null) return paired(await loadScored(scored, tools), scoreColumn);
  return paired(await loadOutputs({ ...scored, outputs }, tools), (rows) => outputSink(outputs, rows));
}
