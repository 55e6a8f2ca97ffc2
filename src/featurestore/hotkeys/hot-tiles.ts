import type { Clock } from '../../base/time.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import { type FetchedTiles, fetchLookups, type TileLookup } from '../online/fetch-tiles.ts';
import { type HotKeyOptions, HotKeys, hotKeyDefaults } from './hot-keys.ts';
import { NearCache } from './near-cache.ts';

export interface HotTilesOptions extends HotKeyOptions {
  /** Tiles of a hot key are read again after this, ms; it counts in the age of the answer. */
  readonly maxAgeMs: number;
}

export const hotTilesDefaults: HotTilesOptions = { ...hotKeyDefaults, maxAgeMs: 250 };

/** Reads tiles of a store, those of hot keys from memory where they are young enough. */
export class HotTiles {
  readonly #remote: RemoteStore;
  readonly #clock: Clock;
  readonly #keys: HotKeys;
  readonly #near: NearCache<FetchedTiles>;
  readonly #options: HotTilesOptions;

  constructor(remote: RemoteStore, clock: Clock, options: HotTilesOptions = hotTilesDefaults) {
    this.#remote = remote;
    this.#clock = clock;
    this.#options = options;
    this.#keys = new HotKeys(options);
    this.#near = new NearCache(options.maxAgeMs, options.most);
  }

  /**
   * The tiles of a request, hot and cold keys apart: the cold ones in one round trip, or only a part of them where that
   * is enough.
   */
  fetch(lookups: readonly TileLookup[], at: number, isPart: boolean): Promise<readonly FetchedTiles[]> {
    const now = this.#clock();
    const cold: TileLookup[] = [];
    const fetched: (FetchedTiles | Promise<FetchedTiles>)[] = [];
    for (const lookup of lookups) {
      const name = `${lookup.layout.viewId}\0${lookup.key}`;
      // Only of the present: tiles that were read for one instant do not answer an earlier one.
      if (!this.#keys.read(name, now) || at < now - this.#options.maxAgeMs) cold.push(lookup);
      else
        fetched.push(
          this.#near.get(name, now, at) ??
            this.#near.load(name, now, () => fetchLookups(this.#remote, [lookup], Math.max(at, now), false), isWhole),
        );
    }
    if (fetched.length === 0) return fetchLookups(this.#remote, cold, at, isPart).then((one) => [one]);
    if (cold.length > 0) fetched.push(fetchLookups(this.#remote, cold, at, isPart));
    return Promise.all(fetched);
  }

  /** Tells the others which keys are hot here, and hears theirs; call it about once a second. */
  async share(): Promise<void> {
    const found = this.#keys.find(this.#clock());
    this.#keys.take(await this.#remote.shareHot(found, this.#options.keptMs), this.#clock());
  }
}

function isWhole({ degraded }: FetchedTiles): boolean {
  return !degraded;
}
