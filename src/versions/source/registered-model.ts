import { tensorsOfRows } from '../../model/model-rows.ts';
import { trainedInputs } from '../../model/row-inputs.ts';
import type { ModelRegistry, VersionRecord } from '../../ports/model-registry.ts';
import { checkParity, parityRows } from '../../registry/parity.ts';
import { scorerOf } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import type { LoadableModel } from './model-source.ts';
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
    open: async (version) => {
      const record = await recordOf(version);
      if (record.trained === null) return openForeign(record, tools);
      return { kind: 'onnx', file: await artifacts.get(record.trained.artifact) };
    },
    verify: async (version, loaded) => {
      const { trained } = await recordOf(version);
      if (trained === null) return false;
      await checkParity(trained, scorerOf(loaded, trained.signature), await artifacts.get(trained.parity));
      return true;
    },
    warmUps: async (version) => {
      const { trained } = await recordOf(version);
      if (trained === null) return [];
      const rows = parityRows(await artifacts.get(trained.parity), trained.signature);
      return [tensorsOfRows(trainedInputs(trained.signature), rows)];
    },
  };
}
