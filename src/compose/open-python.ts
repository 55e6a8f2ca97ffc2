import { join } from 'node:path';
import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import type { OnnxCandidate } from '../backends/python/python-model.ts';
import type { Environment } from '../environment/config.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { PythonRuntime } from '../ports/python-runtime.ts';
import { holdsRows } from '../registry/holds-rows.ts';

/** The part of an environment that says how Python programs run. */
export interface PythonPlace {
  readonly directory: string;
  readonly models: Pick<Environment['models'], 'python'>;
}

/** The runtime of versions that are Python programs; null: the environment runs none. */
export async function openPython(
  { models: { python: options }, directory }: PythonPlace,
  artifacts: ArtifactStore,
): Promise<PythonRuntime | null> {
  if (options === null) return null;
  // Worker processes of batch jobs start often, and most run no Python.
  const { ProcessPythonRuntime } = await import('../backends/python/python-runtime.ts');
  const { secretFolders } = await import('../backends/python/isolation.ts');
  const monotonic = () => performance.now();
  const holds = (candidate: OnnxCandidate) => holdsRows(onnxRuntime, candidate);
  const place = join(directory, 'python');
  const hidden = secretFolders(directory);
  const runtime = new ProcessPythonRuntime({ options, directory: place, hidden, artifacts, monotonic, holds });
  await runtime.clear();
  return runtime;
}
