import type { VersionRecord } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import type { ModelSource, SourceModel } from './model-source.ts';
import { mustBePrepared, mustBePromoted, prepareForeign } from './open-foreign.ts';
import { type RegisteredTools, registeredModel } from './registered-model.ts';

/** The registered models of a project: versions and aliases are those of its registry. */
export class RegistrySource implements ModelSource {
  readonly #tools: RegisteredTools;

  constructor(tools: RegisteredTools) {
    this.#tools = tools;
  }

  names() {
    return this.#tools.registry.models();
  }

  async find(name: string): Promise<SourceModel | null> {
    const { registry } = this.#tools;
    if (!(await registry.models()).includes(name)) return null;
    const versions = await registry.versionNumbers(name);
    const champion = await registry.alias(name, CHAMPION);
    return {
      ...registeredModel(name, this.#tools),
      versions: versions.map(String),
      preferred: champion === null ? null : String(champion),
      isRegistered: true,
      alias: async (alias) => {
        const version = await registry.alias(name, alias);
        return version === null ? null : String(version);
      },
      prepare: (version) => this.#ifForeign(name, version, (record) => prepareForeign(record, this.#tools)),
      mustBePrepared: (version) => this.#ifForeign(name, version, (record) => mustBePrepared(record, this.#tools)),
    };
  }

  /** Callers may name any version: a program that nobody promoted is not prepared, and so not loaded. */
  async #ifForeign(name: string, version: string, work: (record: VersionRecord) => Promise<void>): Promise<void> {
    const record = await loadableRecord(this.#tools.registry, name, Number(version));
    if (record.trained !== null) return;
    await mustBePromoted(record, this.#tools);
    await work(record);
  }
}
