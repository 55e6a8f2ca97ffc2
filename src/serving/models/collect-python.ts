import { isHeadraceError } from '../../base/errors/fail.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import type { CollectedPython, PythonRuntime, PythonVersion } from '../../ports/python-runtime.ts';
import { foreignVersion } from '../../registry/foreign-version.ts';
import { neededVersions } from '../../registry/needed-versions.ts';

/**
 * Removes the environments of Python models that no version needs that is or may be served, and that nobody used since `before`.
 * Errors: those of the registry, of the artefacts and of the runtime; then nothing is removed.
 */
export async function collectPython(
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
  python: PythonRuntime,
  before: number,
): Promise<CollectedPython> {
  const needed: PythonVersion[] = [];
  for (const record of await neededVersions(registry)) {
    if (record.trained !== null) continue;
    try {
      const found = await foreignVersion(record, artifacts);
      if (found.kind === 'python') needed.push(found.version);
    } catch (error) {
      // It is no Python program, or none of its files is here: it has no environment.
      if (!isHeadraceError(error, 'PYTHON_FLAVOR')) throw error;
    }
  }
  return python.collect(needed, before);
}
