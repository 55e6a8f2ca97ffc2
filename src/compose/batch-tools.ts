import { join } from 'node:path';
import { duckScoreFiles } from '../backends/embedded/scores/score-files.ts';
import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { BatchTools } from '../serving/batch/batch-worker.ts';
import type { OpenedTools } from '../serving/batch/start-batch.ts';
import type { WorkerProgram } from '../serving/batch/worker-process.ts';
import { openPython, runtimes } from './compose.ts';
import { openArtifacts } from './open-registry.ts';

/** The part of an environment that worker processes of batch jobs need. It names secrets, and has none. */
export type BatchPlace = Pick<Environment, 'directory' | 'artifacts'> & {
  readonly models: Pick<Environment['models'], 'python'>;
};

/** After its end a worker of a Python model is started again at once: a batch is halved until the row at fault is found. */
const LONGEST_WAIT_MS = 250;

/** The tools of worker processes of batch jobs. Errors: ARTIFACT_CLIENT, CONFIG_SECRET. */
export async function batchTools(place: BatchPlace): Promise<BatchTools> {
  const artifacts = await openArtifacts(place);
  const python = await openPython(place, artifacts, { longestWaitMs: LONGEST_WAIT_MS });
  return { artifacts, python, runtime: onnxRuntime, files: batchFiles };
}

/** Opens what looks at versions that other programs logged; a file that crashes the library ends a child process alone. */
export async function openVersionTools(place: BatchPlace, artifacts: ArtifactStore): Promise<OpenedTools> {
  const python = await openPython(place, artifacts);
  return { artifacts, python, runtime: runtimes.process, close: async () => python?.close() };
}

/** Reads and writes files of rows. */
export const batchFiles = duckScoreFiles;

/** The program of worker processes. Sources run as TypeScript in the repository, and as JavaScript from the package. */
export function batchProgram({ directory, artifacts, models: { python } }: BatchPlace): WorkerProgram {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const place: BatchPlace = { directory, artifacts, models: { python } };
  return { path: new URL(`../cli/batch-worker${ending}`, import.meta.url), args: [JSON.stringify(place)] };
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
