import { join } from 'node:path';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { OpenedTools } from '../serving/batch/start-batch.ts';
import type { WorkerProgram } from '../serving/batch/worker-process.ts';
import type { BatchPlace } from './batch-worker-tools.ts';
import { openPython } from './open-python.ts';
import { runtimes } from './runtimes.ts';

/** Opens what looks at versions that other programs logged; a file that crashes the library ends a child process alone. */
export async function openVersionTools(place: BatchPlace, artifacts: ArtifactStore): Promise<OpenedTools> {
  const python = await openPython(place, artifacts);
  return { artifacts, python, runtime: runtimes.process, close: async () => python?.close() };
}

/** The program of worker processes. Sources run as TypeScript in the repository, and as JavaScript from the package. */
export function batchProgram({ directory, artifacts, models: { python } }: BatchPlace): WorkerProgram {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const place: BatchPlace = { directory, artifacts, models: { python } };
  const path = new URL(`./batch-worker${ending}`, import.meta.url);
  return { path, args: [JSON.stringify(place)], compiled: join(directory, 'batch', 'compiled') };
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
