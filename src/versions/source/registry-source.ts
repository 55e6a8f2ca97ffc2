import { tensorsOfRows } from '../../model/model-rows.ts';
import { trainedInputs } from '../../model/row-inputs.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { parityRows } from '../../registry/parity.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import type { Tensor } from '../../schema/tensor.ts';
import type { ModelSource, OpenedVersion, SourceModel } from './model-source.ts';
import { type ForeignTools, mustBePrepared, mustBePromoted, openForeign, prepareForeign } from './open-foreign.ts';

export interface RegistrySourceOptions extends ForeignTools {
  readonly registry: ModelRegistry;
}

/** The registered models of a project: versions and aliases are those of its registry. */
export class RegistrySource implements ModelSource {
  readonly #options: RegistrySourceOptions;

  constructor(options: RegistrySourceOptions) {
    this.#options = options;
  }

  names() {
    return this.#options.registry.models();
  }

  async find(name: string): Promise<SourceModel | null> {
    const { registry } = this.#options;
    if (!(await registry.models()).includes(name)) return null;
    const versions = await registry.versionNumbers(name);
    const champion = await registry.alias(name, CHAMPION);
    return {
      config: null,
      versions: versions.map(String),
      preferred: champion === null ? null : String(champion),
      alias: async (alias) => {
        const version = await registry.alias(name, alias);
        return version === null ? null : String(version);
      },
      prepare: (version) => this.#ifForeign(name, version, (record) => prepareForeign(record, this.#options)),
      mustBePrepared: (version) => this.#ifForeign(name, version, (record) => mustBePrepared(record, this.#options)),
      open: (version) => this.#open(name, version),
      warmUps: async (version) => {
        const { trained } = await this.#record(name, version);
        return trained === null ? [] : this.#parityTensors(trained);
      },
    };
  }

  async #open(name: string, version: string): Promise<OpenedVersion> {
    const record = await this.#record(name, version);
    if (record.trained === null) {
      await mustBePromoted(record, this.#options);
      return openForeign(record, this.#options);
    }
    return { kind: 'onnx', file: await this.#options.artifacts.get(record.trained.artifact) };
  }

  async #parityTensors({ parity, signature }: ModelVersion): Promise<readonly (readonly Tensor[])[]> {
    const rows = parityRows(await this.#options.artifacts.get(parity), signature);
    return [tensorsOfRows(trainedInputs(signature), rows)];
  }

  async #ifForeign(name: string, version: string, work: (record: VersionRecord) => Promise<void>): Promise<void> {
    const record = await this.#record(name, version);
    if (record.trained !== null) return;
    await mustBePromoted(record, this.#options);
    await work(record);
  }

  /** Errors: REGISTRY_VERSION, REGISTRY_SEAL. */
  #record(model: string, version: string): Promise<VersionRecord> {
    return loadableRecord(this.#options.registry, model, Number(version));
  }
}
