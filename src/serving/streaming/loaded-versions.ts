import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { Scorer } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import { loadForeignScorer } from '../../versions/load/foreign-scorer.ts';
import { openPatiently, patientScorer } from '../../versions/load/patient-scorer.ts';
import { loadTrained, scoringDigest, type VersionTools } from '../../versions/load/scored-version.ts';
import { type FeatureRow, featureRow } from '../online/feature-row.ts';
import type { StreamVersion } from './version-map.ts';

export interface LoadedVersionsOptions extends VersionTools {
  readonly stream: string;
  readonly model: ModelData;
  readonly registry: ModelRegistry;
}

/** A version that is ready to score. */
export interface LoadedVersion {
  readonly version: ModelVersion;
  readonly scorer: Scorer;
  readonly toRow: FeatureRow;
}

/** The versions of a model that a stream has loaded. One of a training job is checked against its parity vectors, which warms it. */
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
    const record = await this.#record(number, digest);
    const opened = await this.#opened(record);
    try {
      const loaded = {
        ...opened,
        toRow: featureRow(this.#options.model.service, opened.version, opened.scorer.inputs),
      };
      this.#loaded.set(number, loaded);
      return loaded;
    } catch (error) {
      await opened.scorer.close();
      throw error;
    }
  }

  /** Processes of one stream may have registries of their own, by mistake. Errors: REGISTRY_VERSION, REGISTRY_SEAL, STREAM_DIGEST. */
  async #record(version: number, wanted: string): Promise<VersionRecord> {
    const { stream, model, registry } = this.#options;
    const record = await loadableRecord(registry, model.name, version);
    const found = await scoringDigest(record, this.#options);
    if (found !== wanted) throw fail('STREAM_DIGEST', { stream, model: model.name, version, found, wanted });
    return record;
  }

  async #opened(record: VersionRecord): Promise<Pick<LoadedVersion, 'version' | 'scorer'>> {
    const { trained } = record;
    if (trained !== null) return { version: trained, scorer: await loadTrained(trained, this.#options) };
    const { version, scorer } = await openPatiently(() =>
      loadForeignScorer(record, { ...this.#options, job: this.#options.stream }),
    );
    return { version, scorer: patientScorer(scorer) };
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
