import { onnxRuntime } from '../backends/onnx/onnx-runtime.ts';
import { pythonPrograms } from '../backends/python/back-end.ts';
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
  { models: { python }, directory }: PythonPlace,
  artifacts: ArtifactStore,
): Promise<PythonRuntime | null> {
  if (python === null) return null;
  return pythonPrograms.open(python, { directory, artifacts, holds: (candidate) => holdsRows(onnxRuntime, candidate) });
}
