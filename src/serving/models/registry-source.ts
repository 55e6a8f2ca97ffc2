import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { parityRows } from '../../registry/parity.ts';
import type { ModelSource, SourceModel } from '../runtime/model-source.ts';

/** The registered models of a project: versions and aliases are those of its registry. */
export class RegistrySource implements ModelSource {
  readonly #registry: ModelRegistry;
  readonly #artifacts: ArtifactStore;

  constructor(registry: ModelRegistry, artifacts: ArtifactStore) {
    this.#registry = registry;
    this.#artifacts = artifacts;
  }

  names() {
    return this.#registry.models();
  }

  async find(name: string): Promise<SourceModel | null> {
    if (!(await this.#registry.models()).includes(name)) return null;
    const versions = await this.#registry.versions(name);
    const champion = await this.#registry.alias(name, CHAMPION);
    return {
      config: null,
      versions: versions.map(({ version }) => String(version)),
      preferred: champion === null ? null : String(champion),
      alias: async (alias) => {
        const version = await this.#registry.alias(name, alias);
        return version === null ? null : String(version);
      },
      open: async (version) => {
        const { artifact } = await this.#registry.version(name, Number(version));
        return { kind: 'onnx', file: await this.#artifacts.get(artifact) };
      },
      warmUps: async (version) => {
        const registered = await this.#registry.version(name, Number(version));
        const { signature } = registered;
        const rows = parityRows(await this.#artifacts.get(registered.parity), signature);
        const width = signature.features.length;
        return [{ name: signature.input, type: 'FP32' as const, shape: [rows.length / width, width], data: rows }].map(
          (one) => [one],
        );
      },
    };
  }
}
