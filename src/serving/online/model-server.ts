import { fail } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../../ports/model-registry.ts';
import type { LoadedModel, ModelRuntime } from '../../ports/model-runtime.ts';
import type { Value } from '../../schema/column.ts';
import { type FeatureRow, featureRow } from './feature-row.ts';

/** The alias whose version serves. */
export const CHAMPION = 'champion';

/** Scores of a runtime may differ from the trainer's by this much (float32 against float64). */
const PARITY_TOLERANCE = 1e-5;

export interface ModelServerOptions {
  readonly model: ModelData;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  readonly runtime: ModelRuntime;
}

/** A version that is loaded, checked and warm. */
interface ServingVersion {
  readonly version: ModelVersion;
  readonly loaded: LoadedModel;
  readonly toRow: FeatureRow;
}

/** Scores of a batch, and the one version that gave them. */
export interface Scores {
  readonly version: number;
  readonly scores: Float32Array;
}

/**
 * Serves the champion of one model: loaded, held against its parity vectors (which warms it), then swapped in at once.
 * A batch is scored by exactly one version.
 */
export class ModelServer {
  readonly model: ModelData;
  readonly #options: ModelServerOptions;
  #serving: ServingVersion | null = null;

  constructor(options: ModelServerOptions) {
    this.model = options.model;
    this.#options = options;
  }

  /** Loads the champion if the alias has moved; returns the version that serves, or null. Errors: MODEL_FILE, MODEL_PARITY, MODEL_SIGNATURE. */
  async refresh(): Promise<number | null> {
    const champion = await this.#options.registry.alias(this.model.name, CHAMPION);
    if (champion === null || champion === this.#serving?.version.version) return this.#serving?.version.version ?? null;
    const next = await this.#load(await this.#options.registry.version(this.model.name, champion));
    const before = this.#serving;
    this.#serving = next;
    await before?.loaded.close();
    return champion;
  }

  /** The version that serves; null before the first. */
  get serving(): ModelVersion | null {
    return this.#serving?.version ?? null;
  }

  /** Scores vectors of the model's service. Error: MODEL_NONE. */
  async score(vectors: readonly (readonly Value[])[]): Promise<Scores> {
    const serving = this.#serving;
    if (serving === null) throw fail('MODEL_NONE', { model: this.model.name });
    const width = serving.version.signature.features.length;
    const rows = new Float32Array(vectors.length * width);
    for (let i = 0; i < vectors.length; i += 1) serving.toRow(vectors[i], rows, i * width);
    return { version: serving.version.version, scores: await serving.loaded.run(rows, vectors.length) };
  }

  async close(): Promise<void> {
    await this.#serving?.loaded.close();
    this.#serving = null;
  }

  async #load(version: ModelVersion): Promise<ServingVersion> {
    const { artifacts, runtime } = this.#options;
    const toRow = featureRow(this.model.service, version);
    const loaded = await runtime.load(await artifacts.get(version.artifact), version.signature);
    await checkParity(version, loaded, await artifacts.get(version.parity));
    return { version, loaded, toRow };
  }
}

async function checkParity(
  { model, version, signature }: ModelVersion,
  loaded: LoadedModel,
  file: Uint8Array,
): Promise<void> {
  const { rows, scores } = JSON.parse(new TextDecoder().decode(file)) as {
    rows: (number | null)[][];
    scores: number[];
  };
  const input = new Float32Array(rows.length * signature.features.length);
  rows.flat().forEach((value, i) => {
    input[i] = value ?? Number.NaN;
  });
  const found = await loaded.run(input, rows.length);
  scores.forEach((expected, i) => {
    if (!(Math.abs(found[i] - expected) <= PARITY_TOLERANCE))
      throw fail('MODEL_PARITY', { model, version, found: found[i], expected });
  });
}
