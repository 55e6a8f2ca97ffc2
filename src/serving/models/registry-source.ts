import { fail } from '../../base/errors/fail.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { parityRows } from '../../registry/parity.ts';
import type { Tensor } from '../../schema/tensor.ts';
import type { ModelSource, OpenedVersion, SourceModel } from '../runtime/model-source.ts';
import { type ForeignTools, mustBePrepared, openForeign, prepareForeign } from './open-foreign.ts';

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
      prepare: async (version) => this.#ifForeign(name, version, (record) => prepareForeign(record, this.#options)),
      mustBePrepared: async (version) =>
        this.#ifForeign(name, version, (record) => mustBePrepared(record, this.#options)),
      open: (version) => this.#open(name, version),
      warmUps: async (version) => {
        const { trained } = await this.#record(name, version);
        return trained === null ? [] : this.#parityTensors(trained);
      },
    };
  }

  async #open(name: string, version: string): Promise<OpenedVersion> {
    const record = await this.#record(name, version);
    if (record.trained === null) return openForeign(record, this.#options);
    return { kind: 'onnx', file: await this.#options.artifacts.get(record.trained.artifact) };
  }

  async #parityTensors({ parity, signature }: ModelVersion): Promise<readonly (readonly Tensor[])[]> {
    const rows = parityRows(await this.#options.artifacts.get(parity), signature);
    const width = signature.features.length;
    return [[{ name: signature.input, type: 'FP32', shape: [rows.length / width, width], data: rows }]];
  }

  async #ifForeign(name: string, version: string, work: (record: VersionRecord) => Promise<void>): Promise<void> {
    const record = await this.#record(name, version);
    if (record.trained === null) await work(record);
  }

  /** Error: REGISTRY_VERSION. */
  async #record(model: string, version: string): Promise<VersionRecord> {
    const record = await this.#options.registry.versionRecord(model, Number(version));
    if (record === null) throw fail('REGISTRY_VERSION', { model, version: Number(version) });
    return record;
  }
}
