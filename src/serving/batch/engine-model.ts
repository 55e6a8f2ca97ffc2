import { fail } from '../../base/errors/fail.ts';
import { trainedInputs } from '../../model/row-inputs.ts';
import type { ModelVersion } from '../../ports/model-registry.ts';
import { PARITY_TOLERANCE, parseParity } from '../../registry/parity.ts';
import { changedSince, digestOf, type VersionTools } from '../../versions/load/load-for-job.ts';
import type { ForeignScoring, ScoredVersion } from '../../versions/load/scored-version.ts';
import { openForeign } from '../../versions/source/open-foreign.ts';
import type { EngineModel } from './engine-run.ts';
import type { OpenedTools } from './start-batch.ts';

/** A resolved version as another system runs it. Errors: PREDICT_ENGINE_MODEL, MODEL_FILE, PYTHON_*, ARTIFACT_*. */
export async function engineModel(
  { version, foreign }: ScoredVersion,
  openVersions: () => Promise<OpenedTools>,
): Promise<EngineModel> {
  const tools = await openVersions();
  try {
    return foreign === null ? await trainedModel(version, tools) : await foreignModel(version, foreign, tools);
  } finally {
    await tools.close();
  }
}

async function trainedModel(version: ModelVersion, { artifacts }: VersionTools): Promise<EngineModel> {
  return {
    file: await artifacts.get(version.artifact),
    modelSha256: version.artifact,
    modelInputs: trainedInputs(version.signature).inputs,
    modelOutput: version.signature.output,
    isSingle: false,
    parity: { ...parseParity(await artifacts.get(version.parity), version), tolerance: PARITY_TOLERANCE },
  };
}

async function foreignModel(
  of: ModelVersion,
  { record, inputs, output, onnx }: ForeignScoring,
  tools: VersionTools,
): Promise<EngineModel> {
  const { model, version } = of;
  const refuse = (reason: string) => fail('PREDICT_ENGINE_MODEL', { model, version, reason });
  if (onnx === null) throw refuse('it is a Python program, and engines run ONNX files');
  const opened = await openForeign(record, tools);
  if (opened.kind !== 'onnx' || digestOf(opened.file) !== onnx) throw changedSince({ version: of });
  const { file } = opened;
  const { inputs: modelInputs, isSingle } = inputs;
  return { file, modelSha256: onnx, modelInputs, modelOutput: output, isSingle, parity: null };
}
