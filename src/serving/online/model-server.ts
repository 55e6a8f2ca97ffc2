import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ModelData } from '../../features/define/declaration.ts';
import type { ArtifactStore } from '../../ports/artifact-store.ts';
import type { ModelRegistry, ModelVersion } from '../../ports/model-registry.ts';
import { CHAMPION } from '../../registry/champion.ts';
import type { Value } from '../../schema/column.ts';
import type { RegisteredVersions, ScoreCaller } from '../../versions/cache/registered-versions.ts';
import { type HeldVersion, heldVersion, type Scores } from './held-version.ts';

export interface ModelServerOptions {
  readonly model: ModelData;
  readonly registry: ModelRegistry;
  readonly artifacts: ArtifactStore;
  /** The loaded versions of the process. */
  readonly registered: RegisteredVersions;
  /** Opens a file where a crash of the library harms nobody; left out: files are trusted. Error: MODEL_FILE. */
  readonly tryOut?: ((file: Uint8Array) => Promise<void>) | null;
}

/**
 * Serves the champion of one model: holds it, loaded and verified, among the versions of the process, then swaps it in at once.
 * A batch is scored by exactly one version; the previous version scores the calls that it has taken. A champion that
 * cannot be loaded leaves the previous one serving.
 */
export class ModelServer {
  readonly model: ModelData;
  readonly #options: ModelServerOptions;
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
    const { registered, artifacts, tryOut } = this.#options;
    const { trained } = await registered.record(this.model.name, version);
    if (trained !== null) await tryOut?.(await artifacts.get(trained.artifact));
    const loaded = await this.hold(version);
    await loaded.release();
  }

  /** Loads a version and keeps it loaded until it is released, whatever serves meanwhile. Errors: as `refresh`. */
  async hold(version: number): Promise<HeldVersion> {
    const { registered } = this.#options;
    const held = await registered.hold(await registered.record(this.model.name, version));
    try {
      return heldVersion(this.model.service, held);
    } catch (error) {
      await held.close();
      throw error;
    }
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
  score(vectors: readonly (readonly Value[])[], caller?: ScoreCaller): Promise<Scores> {
    return this.#serving?.score(vectors, caller) ?? Promise.reject(this.refusal);
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
      return await this.hold(champion);
    } catch (error) {
      if (isHeadraceError(error) && error.retry === 'never') {
        this.#unfit = champion;
        this.#refusal = error;
      } else this.#unloaded = champion;
      throw error;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
