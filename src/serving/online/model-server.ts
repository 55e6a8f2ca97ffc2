import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import { type ModelRows, rowsBetween } from '../../model/model-rows.ts';
import { trainedInputs } from '../../model/row-inputs.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion, VersionRecord } from '../../ports/model-registry.ts';
import type { ModelRuntime } from '../../ports/model-runtime.ts';
import { CHAMPION } from '../../registry/champion.ts';
import { checkParity, parityRows } from '../../registry/parity.ts';
import { loadScorer, type Scorer } from '../../registry/scorer.ts';
import { loadableRecord } from '../../registry/version-seal.ts';
import type { Value } from '../../schema/column.ts';
import { SHORT_RUN_MS } from '../../versions/cache/served-version.ts';
import type { ForeignScorer } from '../../versions/load/foreign-scorer.ts';
import type { QueueLimits } from '../../versions/queue/infer-queue.ts';
import { featureRow } from './feature-row.ts';
import type { HeldVersion } from './held-version.ts';
import type { ScoreCaller } from './score-caller.ts';
import { ROWS_A_RUN, type Scored, ScoreQueue } from './score-queue.ts';
import { VersionPool } from './version-pool.ts';

export interface ModelServerOptions {
  readonly model: ModelData;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  /** Runs models on the calling thread. */
  readonly runtime: ModelRuntime;
  /** Runs slow models, each on its own thread; left out: no model is timed. */
  readonly threads?: ModelRuntime | null;
  /** Opens a file where a crash of the library harms nobody; left out: files are trusted. Error: MODEL_FILE. */
  readonly tryOut?: ((file: Uint8Array) => Promise<void>) | null;
  /** Loads a version that another program logged; without it they are refused (REGISTRY_FOREIGN). */
  readonly foreign?: (record: VersionRecord) => Promise<ForeignScorer>;
  /** Bounds of the calls that wait for a version. */
  readonly queue?: QueueLimits;
}

/** Scores of a batch, and the one version that gave them. */
export interface Scores {
  readonly version: number;
  readonly scores: Float64Array;
  /** Names of the version's inputs, and what they were for a row of the batch. */
  readonly features: readonly string[];
  readonly fed: Scored['fed'];
}

/**
 * Serves the champion of one model: loaded, checked against its parity vectors (which warms it), then swapped in at once.
 * A batch is scored by exactly one version; the previous version scores the calls that it has taken. A champion that
 * cannot be loaded leaves the previous one serving.
 */
export class ModelServer {
  readonly model: ModelData;
  readonly #options: ModelServerOptions;
  readonly #pool: VersionPool;
  #serving: HeldVersion | null = null;
  /** The alias as it was last read; undefined before the first read. */
  #champion: number | null | undefined;
  /** The version that was found unfit: it is not tried again. */
  #unfit: number | null = null;
  /** The version that could not be loaded at the last attempt: it is tried again. */
  #unloaded: number | null = null;
  /** Why it was found unfit. */
  #refusal: HeadraceError | null = null;
  /** Ends with the last refresh that was asked for: one at a time, or an older champion could replace a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ModelServerOptions) {
    this.model = options.model;
    this.#options = options;
    this.#pool = new VersionPool((version) => this.#open(version));
  }

  /**
   * Loads the champion if the alias has moved; returns the version that serves, or null. A champion that is found unfit
   * is an error once.
   * Errors: MODEL_FILE, MODEL_PARITY, MODEL_SIGNATURE, MODEL_ENCODING, REGISTRY_SEAL, ARTIFACT_*.
   */
  refresh(): Promise<number | null> {
    return this.#inTurn(async () => {
      const champion = await this.#options.registry.alias(this.model.name, CHAMPION);
      this.#champion = champion;
      const before = this.#serving;
      if (champion !== this.#unfit) [this.#unfit, this.#refusal] = [null, null];
      if (champion !== this.#unloaded) this.#unloaded = null;
      if (champion === null || champion === before?.version.version || champion === this.#unfit) {
        return before?.version.version ?? null;
      }
      this.#serving = await this.#fit(champion);
      this.#unloaded = null;
      await before?.release();
      return champion;
    });
  }

  /**
   * Loads a version as if it were to serve, and lets it go: what to do before it is made champion. A file that crashes the
   * library crashes a separate process. Errors: as `refresh`.
   */
  async check(version: number): Promise<void> {
    const { registry, artifacts, tryOut } = this.#options;
    const record = await loadableRecord(registry, this.model.name, version);
    if (record.trained !== null) await tryOut?.(await artifacts.get(record.trained.artifact));
    const loaded = await this.#pool.hold(version);
    await loaded.release();
  }

  /** Loads a version and keeps it loaded until it is released, whatever serves meanwhile. Errors: as `refresh`. */
  hold(version: number): Promise<HeldVersion> {
    return this.#pool.hold(version);
  }

  /** The version that serves; null before the first. */
  get serving(): ModelVersion | null {
    return this.#serving?.version ?? null;
  }

  /** The champion version as it was last read, loaded or not; null: there is none; undefined: it was never read. */
  get champion(): number | null | undefined {
    return this.#champion;
  }

  /** The champion version that cannot serve, while the alias names it; null: none. */
  get unfit(): number | null {
    return this.#unfit;
  }

  /** The champion version that could not be loaded at the last attempt, and is tried again; null: none. */
  get unloaded(): number | null {
    return this.#unloaded;
  }

  /** Why nothing is scored while no version serves: there is no champion (MODEL_NONE), or the error that it was refused with. */
  get refusal(): HeadraceError {
    return this.#refusal ?? fail('MODEL_NONE', { model: this.model.name });
  }

  /** Scores vectors of the model's service. Errors: MODEL_NONE, MODEL_BUSY, MODEL_CELL, MODEL_DEADLINE, MODEL_LEFT, MODEL_SCORE, those of a refused champion. */
  async score(vectors: readonly (readonly Value[])[], caller?: ScoreCaller): Promise<Scores> {
    const serving = this.#serving;
    if (serving === null) throw this.refusal;
    const { version, signature } = serving.version;
    const { scores, fed } = await serving.score(vectors, caller);
    return { version, scores, features: signature.features, fed };
  }

  /** Ends when every call has its scores. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#serving;
      this.#serving = null;
      await before?.release();
    });
  }

  async #fit(champion: number): Promise<HeldVersion> {
    try {
      return await this.#pool.hold(champion);
    } catch (error) {
      if (isHeadraceError(error) && error.retry === 'never') {
        this.#unfit = champion;
        this.#refusal = error;
      } else this.#unloaded = champion;
      throw error;
    }
  }

  async #open(number: number): Promise<ScoreQueue> {
    const { registry, foreign, queue: limits } = this.#options;
    const record = await loadableRecord(registry, this.model.name, number);
    if (record.trained !== null) return this.#load(record.trained);
    if (foreign === undefined) throw fail('REGISTRY_FOREIGN', { model: this.model.name, version: number });
    const { version, scorer } = await foreign(record);
    try {
      return new ScoreQueue(version, scorer, featureRow(this.model.service, version, scorer.inputs), { limits });
    } catch (error) {
      await scorer.close();
      throw error;
    }
  }

  /** A model whose runs are long gets its own thread: others wait for nothing but their own runs. */
  async #load(version: ModelVersion): Promise<ScoreQueue> {
    const { artifacts, runtime, threads = null, queue: limits } = this.#options;
    const toRow = featureRow(this.model.service, version, trainedInputs(version.signature));
    const file = await artifacts.get(version.artifact);
    const parity = await artifacts.get(version.parity);
    const loaded = await checkedScorer(runtime, version, file, parity);
    if (threads === null) return new ScoreQueue(version, loaded, toRow, { limits });
    const { msARun, msARow } = await speedOf(loaded, parityRows(parity, version.signature));
    if (msARun <= SHORT_RUN_MS) {
      const rows = Math.floor((SHORT_RUN_MS - msARun) / msARow);
      return new ScoreQueue(version, loaded, toRow, { limits, rowsARun: Math.max(1, Math.min(ROWS_A_RUN, rows)) });
    }
    await loaded.close();
    return new ScoreQueue(version, await checkedScorer(threads, version, file, parity), toRow, { limits });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Loads a file and compares it with the scores of its trainer. Nothing is left of one that differs. */
async function checkedScorer(
  runtime: ModelRuntime,
  version: ModelVersion,
  file: Uint8Array,
  parity: Uint8Array,
): Promise<Scorer> {
  const loaded = await loadScorer(runtime, file, version.signature);
  try {
    await checkParity(version, loaded, parity);
    return loaded;
  } catch (error) {
    await loaded.close();
    throw error;
  }
}

/** Times a run of one row, ms, and each further row, ms. A model that has been compared is warm. */
async function speedOf(loaded: Scorer, rows: ModelRows): Promise<{ readonly msARun: number; readonly msARow: number }> {
  const began = performance.now();
  await loaded.run(rowsBetween(loaded.inputs, rows, 0, 1));
  const one = performance.now();
  await loaded.run(rows);
  const msARun = one - began;
  const allMs = performance.now() - one;
  return { msARun, msARow: rows.rows === 1 ? msARun : Math.max(LEAST_MS, allMs - msARun) / (rows.rows - 1) };
}

/** Differences below this are noise of the clock. */
const LEAST_MS = 0.01;
