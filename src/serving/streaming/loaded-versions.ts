import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../../ports/model-registry.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import { checkParity } from '../../registry/parity.ts';
import { loadScorer, type Scorer } from '../../registry/scorer.ts';
import { type FeatureRow, featureRow } from '../online/feature-row.ts';
import type { StreamVersion } from './version-map.ts';

export interface LoadedVersionsOptions {
  readonly stream: string;
  readonly model: ModelData;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
}

/** A version that is ready to score. */
export interface LoadedVersion {
  readonly version: ModelVersion;
  readonly scorer: Scorer;
  readonly toRow: FeatureRow;
}

/** The versions of a model that a stream has loaded, each checked against its parity vectors, which warms it. */
export class LoadedVersions {
  readonly #options: LoadedVersionsOptions;
  readonly #loaded = new Map<number, LoadedVersion>();

  constructor(options: LoadedVersionsOptions) {
    this.#options = options;
  }

  has(version: number): boolean {
    return this.#loaded.has(version);
  }

  get(version: number): LoadedVersion | undefined {
    return this.#loaded.get(version);
  }

  /** Errors: REGISTRY_VERSION, STREAM_DIGEST, ARTIFACT_*, MODEL_*. */
  async load({ version: number, digest }: StreamVersion): Promise<LoadedVersion> {
    const known = this.#loaded.get(number);
    if (known !== undefined) return known;
    const { stream, model, registry, artifacts, runtime } = this.#options;
    const version = await registry.version(model.name, number);
    // Processes of one stream may have registries of their own, by mistake.
    if (version.artifact !== digest)
      throw fail('STREAM_DIGEST', {
        stream,
        model: model.name,
        version: number,
        found: version.artifact,
        wanted: digest,
      });
    const toRow = featureRow(model.service, version);
    const scorer = await loadScorer(runtime, await artifacts.get(version.artifact), version.signature);
    try {
      await checkParity(version, scorer, await artifacts.get(version.parity));
    } catch (error) {
      await scorer.close();
      throw error;
    }
    const loaded = { version, scorer, toRow };
    this.#loaded.set(number, loaded);
    return loaded;
  }

  /** Frees the versions that nothing needs any more. */
  async keep(needed: ReadonlySet<number>): Promise<void> {
    for (const [number, { scorer }] of this.#loaded) {
      if (needed.has(number)) continue;
      this.#loaded.delete(number);
      await scorer.close();
    }
  }

  close(): Promise<void> {
    return this.keep(new Set());
  }
}
