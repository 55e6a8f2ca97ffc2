import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import type { RegisteredVersions } from '../../versions/cache/registered-versions.ts';
import { scoringDigest } from '../../versions/load/scored-version.ts';
import type { ForeignTools } from '../../versions/source/open-foreign.ts';
import { type FeatureRow, featureRow } from '../online/feature-row.ts';
import type { StreamVersion } from './version-map.ts';

export interface LoadedVersionsOptions extends ForeignTools {
  readonly registry: ModelRegistry;
  readonly stream: string;
  readonly model: ModelData;
  /** The loaded versions of the process. */
  readonly registered: RegisteredVersions;
}

/** A version that is ready to score. */
export interface LoadedVersion {
  readonly version: ModelVersion;
  readonly scorer: Scorer;
  readonly toRow: FeatureRow;
}

/** The versions of a model that a stream holds. Its rows wait next to those of callers, by the share of the stream, and are never refused. */
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

  /** Errors: REGISTRY_VERSION, STREAM_DIGEST, ARTIFACT_*, MODEL_*, PYTHON_*. */
  async load({ version: number, digest }: StreamVersion): Promise<LoadedVersion> {
    const known = this.#loaded.get(number);
    if (known !== undefined) return known;
    const { model, registered, stream } = this.#options;
    const record = await this.#record(number, digest);
    const scorer = await registered.holdPatiently(record, `stream/${stream}`, stream);
    try {
      const toRow = featureRow(model.service, scorer.version, scorer.inputs);
      const loaded = { version: scorer.version, scorer, toRow };
      this.#loaded.set(number, loaded);
      return loaded;
    } catch (error) {
      await scorer.close();
      throw error;
    }
  }

  /** Processes of one stream may have registries of their own, by mistake. Errors: REGISTRY_VERSION, REGISTRY_SEAL, STREAM_DIGEST. */
  async #record(version: number, wanted: string): Promise<VersionRecord> {
    const { stream, model, registered } = this.#options;
    const record = await registered.record(model.name, version);
    const found = await scoringDigest(record, this.#options);
    if (found !== wanted) throw fail('STREAM_DIGEST', { stream, model: model.name, version, found, wanted });
    return record;
  }

  /** Lets the versions go that nothing needs any more. */
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
