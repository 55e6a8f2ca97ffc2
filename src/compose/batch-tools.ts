import { join } from 'node:path';
import { FileArtifactStore } from '../backends/embedded/artifacts/file-artifact-store.ts';
import { duckScoreFiles } from '../backends/embedded/scores/score-files.ts';
import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import type { BatchTools } from '../serving/batch/batch-worker.ts';
import type { WorkerProgram } from '../serving/batch/worker-process.ts';

/** The tools of worker processes of batch jobs, in an environment's directory. */
export function batchTools(directory: string): BatchTools {
  return {
    artifacts: new FileArtifactStore(join(directory, 'artifacts')),
    runtime: onnxRuntime,
    files: duckScoreFiles,
  };
}

/** The program of worker processes. Sources run as TypeScript in the repository, and as JavaScript from the package. */
export function batchProgram(directory: string): WorkerProgram {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return { path: new URL(`../cli/batch-worker${ending}`, import.meta.url), args: [directory] };
}

/** Where parts of remote outputs wait for their upload. */
export function batchOutgoing(directory: string): string {
  return join(directory, 'batch', 'outgoing');
}

/** Where scored views have their spines and scores. */
export function batchScores(directory: string): string {
  return join(directory, 'batch', 'views');
}

/** Where copies of inputs lie while their jobs run. */
export function batchScratch(directory: string): string {
  return join(directory, 'batch', 'inputs');
}
