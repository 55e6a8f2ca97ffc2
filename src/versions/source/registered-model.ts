import { tensorsOfRows } from '../../model/model-rows.ts';
import { trainedInputs } from '../../model/row-inputs.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { checkParity, parityRows } from '../../registry/parity.ts';
import { scorerOf } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import type { LoadableModel, OpenedVersion } from './model-source.ts';
import { type ForeignTools, openForeign, ownWorkerOf } from './open-foreign.ts';

export interface RegisteredTools extends ForeignTools {
  readonly registry: ModelRegistry;
}

/**
 * The versions of a registered model, as they are loaded: one of a training job is compared with the scores of its trainer, which warms
 * it. Everybody in a process shares one loaded version, but the worker of a Python program that a job has for itself.
 */
export function registeredModel(name: string, tools: RegisteredTools): LoadableModel {
  const { registry, artifacts } = tools;
  /** Errors: REGISTRY_VERSION, REGISTRY_SEAL. */
  const recordOf = (version: string): Promise<VersionRecord> => loadableRecord(registry, name, Number(version));
  return {
    config: null,
    sharedAs: async (version) => {
      const worker = await ownWorkerOf(await recordOf(version), tools);
      return worker === null ? `${name}/${version}` : `${name}/${version}/${worker}`;
    },
    open: async (version) => openRegistered(await recordOf(version), tools),
    verify: async (version, loaded) => verifyRegistered(await recordOf(version), loaded, artifacts),
    warmUps: async (version) => {
      const { trained } = await recordOf(version);
      if (trained === null) return [];
      const rows = parityRows(await artifacts.get(trained.parity), trained.signature);
      return [tensorsOfRows(trainedInputs(trained.signature), rows)];
    },
  };
}

/** A version of the registry; one of a training job by what that registered. */
export type Registered = (VersionRecord & { readonly trained: null }) | { readonly trained: ModelVersion };

/** Opens a version, whoever registered it. Errors: PYTHON_*, ARTIFACT_*, MODEL_FILE. */
export async function openRegistered(version: Registered, tools: ForeignTools): Promise<OpenedVersion> {
  const { trained } = version;
  if (trained !== null) return { kind: 'onnx', file: await tools.artifacts.get(trained.artifact) };
  return openForeign(version, tools);
}

/** Compares a loaded version of a training job with the scores of its trainer; false: it has none. Errors: MODEL_PARITY, MODEL_FILE. */
export async function verifyRegistered(
  { trained }: Registered,
  loaded: LoadedModel,
  artifacts: ArtifactStore,
): Promise<boolean> {
  if (trained === null) return false;
  await checkParity(trained, scorerOf(loaded, trained.signature), await artifacts.get(trained.parity));
  return true;
}
