import { fail } from '../../base/errors/fail.ts';
import type { LoadedModel } from '../../ports/model-runtime.ts';
import { LoadTurn } from '../load/load-turn.ts';
import { loadVersion, type Runtimes } from '../load/load-version.ts';
import type { QueueLimits } from '../queue/queue-options.ts';
import type { LoadableModel } from '../source/model-source.ts';
import { CachedVersion, type VersionHold } from './cached-version.ts';
import type { ServedVersion } from './served-version.ts';

export interface VersionCacheOptions {
  readonly runtimes: Runtimes;
  /** Bounds of the queue of each version. */
  readonly limits: QueueLimits;
  /** Memory that loaded versions may take together, bytes. */
  readonly budgetBytes: number;
  /** Models that run in child processes. */
  readonly isolated?: readonly string[];
  /** Epoch ms. */
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** A version that somebody wants to hold. */
export interface VersionAsk {
  readonly name: string;
  readonly version: string;
  readonly source: LoadableModel;
  /**
   * Whether the project itself names the version. Its file is not tried out first, and it is loaded where the budget is used up, too: a
   * champion answers, whatever callers had loaded.
   */
  readonly isOwn: boolean;
  /** Bytes of versions that go once this one is loaded. */
  readonly replaced?: () => number;
  /** Runs the steps of an ensemble; left out: there are none. */
  readonly ensemble?: (model: LoadableModel) => LoadedModel;
}

/** Unloads what nobody needs most; false: there is nothing. `wanting`: the model that needs the room. */
export type LetGo = (wanting: string) => boolean;

/** A model changes its place no more often than this, ms. */
const MOVE_EVERY_MS = 60_000;

/**
 * The loaded versions of a process: each is loaded, verified, warmed and placed once, however many hold it, and has one queue. It is
 * freed after the last of them has let it go, once every request has its answer. Memory is counted here, once a version.
 */
export class VersionCache {
  readonly #options: VersionCacheOptions;
  readonly #turn = new LoadTurn();
  /** Versions that are loaded or load, and are not let go. */
  readonly #all = new Set<CachedVersion>();
  /** Those that others may share, by their names in the process. */
  readonly #shared = new Map<string, CachedVersion>();
  readonly #closing = new Set<Promise<void>>();
  #letGo: LetGo = () => false;

  constructor(options: VersionCacheOptions) {
    this.#options = options;
  }

  /** Names who unloads versions where memory is needed. */
  makesRoomBy(letGo: LetGo): void {
    this.#letGo = letGo;
  }

  /** Memory that the loaded versions took when they were loaded, bytes. */
  get sizeBytes(): number {
    return [...this.#all].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Loaded versions; of one that is loaded twice, such as during a reload, the first. */
  versions(): readonly ServedVersion[] {
    const found = new Map<string, ServedVersion>();
    for (const { served } of this.#all) {
      const key = served === null ? '' : `${served.name} ${served.version}`;
      if (served !== null && !found.has(key)) found.set(key, served);
    }
    return [...found.values()];
  }

  /** Loads a version, or joins those that hold it. Errors: OIP_LOAD, those of `loadVersion`. */
  async hold(ask: VersionAsk): Promise<VersionHold> {
    const key = (await ask.source.sharedAs?.(ask.version)) ?? null;
    const cached = (key === null ? undefined : this.#shared.get(key)) ?? this.#begin(ask, key);
    cached.isOwn ||= ask.isOwn;
    return cached.hold();
  }

  /** Moves versions whose runs are of another length than their place is for. They answer until then. Never throws. */
  async correct(): Promise<void> {
    for (const cached of this.#all) await this.#place(cached).catch(this.#options.onFault);
  }

  /** Ends when every version that was let go is freed. */
  async drained(): Promise<void> {
    await Promise.all(this.#closing);
  }

  #begin(ask: VersionAsk, key: string | null): CachedVersion {
    const cached: CachedVersion = new CachedVersion(ask, {
      load: () => this.#load(cached),
      gone: (closing) => {
        this.#all.delete(cached);
        if (key !== null && this.#shared.get(key) === cached) this.#shared.delete(key);
        if (closing !== null) this.#track(closing);
      },
    });
    this.#all.add(cached);
    if (key !== null) this.#shared.set(key, cached);
    return cached;
  }

  async #load(cached: CachedVersion): Promise<ServedVersion> {
    const { ask } = cached;
    const served = await this.#loaded(cached, this.#recent(ask.name));
    try {
      this.#makeRoom(served.sizeBytes, cached);
      return served;
    } catch (error) {
      await served.close();
      throw error;
    }
  }

  #loaded({ ask, life, served: moved }: CachedVersion, recent: ServedVersion['recent']): Promise<ServedVersion> {
    const { runtimes, limits, clock, isolated = [] } = this.#options;
    return loadVersion({
      ...ask,
      runtimes,
      limits,
      isIsolated: isolated.includes(ask.name),
      clock,
      recent,
      turn: this.#turn,
      ...(moved === null ? { enter: (state) => life.enter(state) } : { moved }),
    });
  }

  /** Inputs of requests that a loaded version of a model has answered. */
  #recent(model: string): ServedVersion['recent'] {
    return this.versions().findLast(({ name, recent }) => name === model && recent.length > 0)?.recent ?? [];
  }

  async #place(cached: CachedVersion): Promise<void> {
    const { served } = cached;
    if (served?.isMisplaced !== true || performance.now() - served.movedAt < MOVE_EVERY_MS) return;
    served.movedAt = performance.now();
    const moved = await this.#loaded(cached, served.recent);
    if (cached.replace(moved)) this.#track(served.close());
    else await moved.close();
  }

  /** Unloads what callers need least until `bytes` more fit. Error: OIP_LOAD. */
  #makeRoom(bytes: number, cached: CachedVersion): void {
    const { budgetBytes } = this.#options;
    const { name, replaced = () => 0 } = cached.ask;
    const taken = () => this.sizeBytes - replaced();
    while (taken() + bytes > budgetBytes) {
      if (this.#letGo(name)) continue;
      if (cached.isOwn) return;
      throw fail('OIP_LOAD', {
        reason: `it takes ${bytes} bytes, and models in use take ${taken()} of the ${budgetBytes} that are allowed`,
      });
    }
  }

  #track(closing: Promise<void>): void {
    const tracked = closing.catch(this.#options.onFault).finally(() => this.#closing.delete(tracked));
    this.#closing.add(tracked);
  }
}
