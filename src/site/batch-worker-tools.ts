import { duckScoreFiles } from '../backends/embedded/scores/score-files.ts';
import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import type { Environment } from '../environment/config.ts';
import type { BatchTools } from '../serving/batch/batch-worker.ts';
import { openArtifacts } from './open-artifacts.ts';
import { openPython } from './open-python.ts';

/** The part of an environment that worker processes of batch jobs need. It names secrets, and has none. */
export type BatchPlace = Pick<Environment, 'directory' | 'artifacts'> & {
  readonly models: Pick<Environment['models'], 'python'>;
};

/** Reads and writes files of rows. */
export const batchFiles = duckScoreFiles;

/**
 * The tools of worker processes of batch jobs. This file imports little: each death of a worker costs a start.
 * Errors: ARTIFACT_CLIENT, CONFIG_SECRET.
 */
export async function batchTools(place: BatchPlace): Promise<BatchTools> {
  const artifacts = await openArtifacts(place);
  const python = await openPython(place, artifacts);
  return { artifacts, python, runtime: onnxRuntime, files: batchFiles };
}
