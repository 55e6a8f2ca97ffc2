import { fail } from '../base/errors/fail.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { modelInputs } from '../model/model-inputs.ts';
import type { ArtifactStore } from '../ports/artifact-store.ts';
import type { ModelRegistry } from '../ports/model-registry.ts';
import { signatureColumns } from './mlmodel.ts';

/**
 * Checks that the service of the project's model has every input of a version, before the version is made champion. A version that a
 * training job made is checked again, with its file, when it is loaded. Error: MODEL_SIGNATURE.
 */
export function promotionCheck(
  project: ProjectData,
  { registry, artifacts }: { readonly registry: ModelRegistry; readonly artifacts: ArtifactStore },
): (model: string, version: number) => Promise<void> {
  return async (model, version) => {
    const declared = project.models.find(({ name }) => name === model);
    const record = declared === undefined ? null : await registry.versionRecord(model, version);
    if (declared === undefined || record === null) return;
    const columns = record.trained?.signature.features ?? (await signatureColumns(record.files, artifacts));
    if (columns === null) return;
    const known = new Set(modelInputs(declared.service).map(({ name }) => name));
    const feature = columns.find((name) => !known.has(name));
    if (feature === undefined) return;
    throw fail('MODEL_SIGNATURE', { model, version, feature });
  };
}
