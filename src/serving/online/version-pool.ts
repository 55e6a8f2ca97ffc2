import type { HeldVersion } from './held-version.ts';
import type { ScoreQueue } from './score-queue.ts';

interface Pooled {
  readonly queue: Promise<ScoreQueue>;
  holders: number;
}

/** Loaded versions of one model, each loaded once however many hold it: a rollout and the champion share theirs. */
export class VersionPool {
  readonly #load: (version: number) => Promise<ScoreQueue>;
  readonly #pooled = new Map<number, Pooled>();

  constructor(load: (version: number) => Promise<ScoreQueue>) {
    this.#load = load;
  }

  /** Loads a version, or joins those that hold it. Errors: those of loading. */
  async hold(version: number): Promise<HeldVersion> {
    const pooled = this.#pooled.get(version) ?? { queue: this.#load(version), holders: 0 };
    this.#pooled.set(version, pooled);
    pooled.holders += 1;
    try {
      const queue = await pooled.queue;
      let isHeld = true;
      return {
        version: queue.version,
        score: (vectors, caller) => queue.score(vectors, caller),
        release: async () => {
          if (!isHeld) return;
          isHeld = false;
          await this.#release(version, pooled);
        },
      };
    } catch (error) {
      if (this.#pooled.get(version) === pooled) this.#pooled.delete(version);
      throw error;
    }
  }

  async #release(version: number, pooled: Pooled): Promise<void> {
    pooled.holders -= 1;
    if (pooled.holders > 0) return;
    if (this.#pooled.get(version) === pooled) this.#pooled.delete(version);
    await (await pooled.queue).close();
  }
}
