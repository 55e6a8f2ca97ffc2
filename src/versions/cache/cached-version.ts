import type { ServedVersion } from './served-version.ts';
import type { VersionAsk } from './version-cache.ts';
import { VersionLife } from './version-life.ts';

/** A loaded version that stays loaded until its holder lets it go. */
export interface VersionHold {
  readonly name: string;
  readonly version: string;
  /** The version where it runs now: a later look may find it at another place. */
  readonly served: ServedVersion;
  /** Whether nobody else holds it, so that its memory is free after `release`. */
  readonly isLast: boolean;
  /** Lets it go; the last one to do so frees it, once every request has its answer. */
  release(): Promise<void>;
}

/** The work of a version's cache for it. */
interface CacheWork {
  load(): Promise<ServedVersion>;
  /** Forgets it: nobody holds it, and it is freed when `closing` ends; null: it was never loaded. */
  gone(closing: Promise<void> | null): void;
}

/** One version in memory: its life, where it runs, and how many hold it. */
export class CachedVersion {
  readonly ask: VersionAsk;
  readonly life = new VersionLife();
  /** Whether the project itself holds it. */
  isOwn = false;
  readonly #work: CacheWork;
  #served: ServedVersion | null = null;
  #loading: Promise<ServedVersion> | null = null;
  #holders = 0;

  constructor(ask: VersionAsk, work: CacheWork) {
    this.ask = ask;
    this.#work = work;
  }

  /** null: it is not ready yet, or no longer. */
  get served(): ServedVersion | null {
    return this.#served;
  }

  get sizeBytes(): number {
    return this.#served?.sizeBytes ?? 0;
  }

  /** Holds it, loaded. Errors: those of the load, for everyone who waits for it. */
  async hold(): Promise<VersionHold> {
    this.#holders += 1;
    this.#loading ??= this.#load();
    return this.#holdOf(await this.#loading);
  }

  /** Puts it at another place; false: it was let go meanwhile. */
  replace(moved: ServedVersion): boolean {
    if (this.life.state !== 'ready') return false;
    this.#served = moved;
    return true;
  }

  async #load(): Promise<ServedVersion> {
    try {
      const served = await this.#work.load();
      this.life.enter('ready');
      this.#served = served;
      return served;
    } catch (error) {
      this.life.enter('failed');
      this.#work.gone(null);
      throw error;
    }
  }

  #holdOf(loaded: ServedVersion): VersionHold {
    const { name, version } = this.ask;
    const current = () => this.#served ?? loaded;
    const holders = () => this.#holders;
    let isHeld = true;
    return {
      name,
      version,
      get served() {
        return current();
      },
      get isLast() {
        return holders() === 1;
      },
      release: async () => {
        if (!isHeld) return;
        isHeld = false;
        await this.#release();
      },
    };
  }

  async #release(): Promise<void> {
    this.#holders -= 1;
    const served = this.#served;
    if (this.#holders > 0 || served === null) return;
    this.life.enter('draining');
    this.#served = null;
    const closing = served.close().then(() => this.life.enter('closed'));
    this.#work.gone(closing);
    await closing;
  }
}
