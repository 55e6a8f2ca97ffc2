import { SpaceSaving } from './space-saving.ts';

export interface HotKeyOptions {
  /** Reads a second above which a key is hot in this process. */
  readonly readsPerSecond: number;
  /** Names that are counted. */
  readonly counted: number;
  /** A key stays hot this long after it last was, here or elsewhere, ms. */
  readonly keptMs: number;
  /** Most keys that are hot at once. */
  readonly most: number;
}

export const hotKeyDefaults: HotKeyOptions = { readsPerSecond: 100, counted: 64, keptMs: 10_000, most: 256 };

/** Counts fade by half in this time, ms. */
const HALF_LIFE_MS = 1_000;

/** One read in four is counted: a key above the threshold comes often enough. */
const SAMPLED = 4;

/** The hot keys: found in this process, or received from others. */
export class HotKeys {
  readonly #options: HotKeyOptions;
  readonly #counts: SpaceSaving;
  /** Until when each is hot. */
  readonly #hot = new Map<string, number>();
  #reads = 0;

  constructor(options: HotKeyOptions = hotKeyDefaults) {
    this.#options = options;
    this.#counts = new SpaceSaving(options.counted, HALF_LIFE_MS);
  }

  /** Notes a read; says whether its key is hot. */
  read(name: string, now: number): boolean {
    this.#reads += 1;
    if (this.#reads % SAMPLED === 0) this.#counts.add(name, now);
    const until = this.#hot.get(name);
    return until !== undefined && now < until;
  }

  /** The names that are hot by what this process has read; they count as hot from here on. */
  find(now: number): readonly string[] {
    // A steady rate r under half-life h has the count r · h / ln 2.
    const least = (this.#options.readsPerSecond * HALF_LIFE_MS) / 1_000 / Math.LN2 / SAMPLED;
    const found = this.#counts
      .top(now)
      .filter(({ count, error }) => count - error >= least)
      .map(({ name }) => name);
    this.take(found, now);
    return found;
  }

  /** Takes names as hot: found here or received from others. */
  take(names: readonly string[], now: number): void {
    for (const name of names) this.#hot.set(name, now + this.#options.keptMs);
    for (const [name, until] of this.#hot) if (until <= now) this.#hot.delete(name);
    for (const [name] of this.#hot) {
      if (this.#hot.size <= this.#options.most) break;
      this.#hot.delete(name);
    }
  }
}
