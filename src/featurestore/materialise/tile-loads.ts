import { fail } from '../../base/errors/fail.ts';
import { FrequentKeys } from '../../base/frequent-keys.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import type { CachedKeys } from './cached-keys.ts';
import type { KeyTiles, ViewKey } from './key-tiles.ts';
import { type LoadTarget, loadKeys } from './load-keys.ts';
import { reaches, type TileBounds, UNBOUNDED } from './tile-bounds.ts';
import { loadEntry, loadRest } from './view-cache.ts';
import type { Writer } from './writer.ts';

/** Brings keys from a store into memory, as far as they are needed. Hot path. */
export class TileLoads {
  readonly #store: OnlineStore;
  readonly #cached: CachedKeys;
  readonly #writer: Writer;
  readonly #boundsOf: (layout: TileLayout) => TileBounds;
  readonly #frequent = new FrequentKeys();

  /** `boundsOf`: which tiles of a view are loaded, at first. Error: STORE_CAPABILITY. */
  constructor(
    store: OnlineStore,
    cached: CachedKeys,
    writer: Writer,
    boundsOf: (layout: TileLayout) => TileBounds = () => UNBOUNDED,
  ) {
    if (!store.capabilities.synchronousReads && store.remote === undefined)
      throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    this.#store = store;
    this.#cached = cached;
    this.#writer = writer;
    this.#boundsOf = boundsOf;
  }

  /** A key with all of its tiles. */
  whole(layout: TileLayout, key: string): KeyTiles {
    const found = this.#cached.touch(layout, key);
    if (found === undefined) return this.#load(layout, key, UNBOUNDED);
    if (found.since !== Number.NEGATIVE_INFINITY) this.rest(layout, found);
    return found;
  }

  /** A key with the tiles within the bounds of its view, and maybe others. */
  within(layout: TileLayout, key: string): KeyTiles {
    return this.#cached.touch(layout, key) ?? this.#load(layout, key, this.#boundsOf(layout));
  }

  /** As `within`, with all tiles that an event or a read at `ts` takes. */
  at(layout: TileLayout, key: string, ts: number): KeyTiles {
    const entry = this.within(layout, key);
    if (!reaches(layout, entry.since, ts)) this.rest(layout, entry);
    return entry;
  }

  /** As `at`, if the key is in memory, or comes into it since it is read often; null otherwise. */
  ifFrequent(layout: TileLayout, key: string, q: number): KeyTiles | null {
    const found = this.#cached.touch(layout, key);
    if (found !== undefined) {
      if (!reaches(layout, found.since, q)) this.rest(layout, found);
      return found;
    }
    const { budget } = this.#cached;
    // The keys in memory where others left to make room; 0 where none had to.
    const held = budget.evicted === 0 ? 0 : budget.keys;
    if (!this.#frequent.isFrequent(this.#cached.viewOf(layout).number, key, held)) return null;
    const bounds = this.#boundsOf(layout);
    return this.#load(layout, key, reaches(layout, bounds.since, q) ? bounds : UNBOUNDED);
  }

  /** Loads the tiles that a key in memory lacks. */
  rest(layout: TileLayout, entry: KeyTiles): void {
    loadRest(this.#store, layout, entry);
    this.#cached.weighObjects(layout, entry);
  }

  /** Whether all these keys are in memory; they stay for this turn of the event loop. */
  holds(keys: readonly ViewKey[]): boolean {
    return keys.every(({ layout, key }) => this.#cached.touch(layout, key) !== undefined);
  }

  /** Loads the keys that are not in memory, in one round trip; undefined where all are, or the store answers at once. */
  hold(keys: readonly ViewKey[]): Promise<void> | undefined {
    const { remote } = this.#store;
    if (remote === undefined || this.holds(keys)) return undefined;
    return this.#holdAll(remote, keys);
  }

  /**
   * Loads missing entries until all are in memory; none is evicted meanwhile, and for a turn of the event loop after.
   */
  async #holdAll(remote: RemoteStore, keys: readonly ViewKey[]): Promise<void> {
    const held = new Set<KeyTiles>();
    try {
      for (;;) {
        const missing: ViewKey[] = [];
        for (const each of keys) {
          const entry = this.#cached.touch(each.layout, each.key);
          if (entry === undefined) missing.push(each);
          else if (!held.has(entry)) {
            held.add(entry);
            this.#cached.budget.hold(entry);
          }
        }
        if (missing.length === 0) return;
        await loadKeys(this.#target(remote), missing);
      }
    } finally {
      setImmediate(() => {
        for (const entry of held) this.#cached.release(entry);
      });
    }
  }

  #load(layout: TileLayout, key: string, bounds: TileBounds): KeyTiles {
    const view = this.#cached.viewOf(layout);
    return this.#cached.insert(view, loadEntry(this.#store, layout, view, key, bounds));
  }

  #target(remote: RemoteStore): LoadTarget {
    return {
      remote,
      writer: this.#writer,
      viewOf: (layout) => this.#cached.viewOf(layout),
      isCurrent: (layout, view) => this.#cached.views.get(layout) === view,
      insert: (view, entry) => this.#cached.insert(view, entry),
      release: (entry) => this.#cached.release(entry),
    };
  }
}
