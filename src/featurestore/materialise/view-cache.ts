import { fail } from '../../base/errors/fail.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { Span } from '../../features/window/tile-ranges.ts';
import { tileChanged } from '../../features/window/window-memo.ts';
import type { OnlineStore, TileRead } from '../../ports/online-store.ts';
import { cleanTiles, type KeyTiles } from './key-tiles.ts';
import { startsWithin, type TileBounds, withTiles } from './tile-bounds.ts';
import { numberBytes, objectsOf } from './tile-bytes.ts';
import { TileChanges } from './tile-changes.ts';

/** The tiles of one view in memory, and which of them are on their way from or to the store. */
export interface ViewCache {
  /** Its place among the views of the cache. */
  readonly number: number;
  readonly keys: ShardedKeys<KeyTiles>;
  /** Takes a key out that leaves the memory; what was made of it holds no longer. */
  readonly left: (entry: KeyTiles) => void;
  /** Entries that were drained and are not written yet. */
  leaving: KeyTiles[];
  /** Entries that changed since the last drain began, and their changes. */
  dirty: KeyTiles[];
  changes: TileChanges;
  /** Keys that are on their way from the store. */
  readonly loading: Map<string, Promise<void>>;
  drained: Drained;
  /** Entries of the last drain that have tiles enough to drop some. */
  long: KeyTiles[];
}

/** The entries that a running drain takes. */
interface Drained {
  readonly entries: readonly KeyTiles[];
  readonly changes: TileChanges;
  /** By hop: starts before it are left out. */
  readonly reach: readonly number[];
}

export function emptyView(number: number): ViewCache {
  const keys = new ShardedKeys<KeyTiles>();
  return {
    number,
    keys,
    left: (entry) => {
      tileChanged(entry, Number.NEGATIVE_INFINITY);
      keys.delete(entry.key);
    },
    dirty: [],
    leaving: [],
    changes: new TileChanges(),
    drained: nothingDrained(),
    long: [],
    loading: new Map(),
  };
}

export function nothingDrained(): Drained {
  return { entries: [], changes: new TileChanges(), reach: [] };
}

/** The tiles of a key within bounds, of a store that answers at once. Error: STORE_CAPABILITY. */
export function loadEntry(
  store: OnlineStore,
  layout: TileLayout,
  view: ViewCache,
  key: string,
  bounds: TileBounds,
): KeyTiles {
  const starts = startsWithin(layout, bounds);
  const entry = entryOf(layout, view, key, [...readAtOnce(store, layout, key, starts)]);
  if (starts !== undefined) entry.since = bounds.since;
  return entry;
}

/** Loads the tiles that are missing of a key in memory. Errors: as {@link loadEntry}. */
export function loadRest(store: OnlineStore, layout: TileLayout, entry: KeyTiles): void {
  const whole = withTiles(layout, readAtOnce(store, layout, entry.key), entry.runs);
  for (let hop = 0; hop < whole.length; hop += 1) entry.runs[hop] = whole[hop];
  entry.since = Number.NEGATIVE_INFINITY;
}

/** The tiles of a key whose starts are in some spans by hop, and maybe others, of such a store. Error: STORE_CAPABILITY. */
export function loadSome(
  store: OnlineStore,
  layout: TileLayout,
  key: string,
  starts: readonly (readonly Span[])[],
): readonly TileRun[] {
  return readAtOnce(store, layout, key, starts);
}

function readAtOnce(
  store: OnlineStore,
  layout: TileLayout,
  key: string,
  starts?: readonly (readonly Span[])[],
): readonly TileRun[] {
  const reads = layout.view.hopsMs.map((hopMs, hop): TileRead => {
    const all = { layout, hopMs, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    return starts === undefined ? all : { ...all, wanted: starts[hop] };
  });
  const runs = store.readTiles(reads);
  if (runs instanceof Promise) throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
  return runs;
}

/** Tiles as they came from the store, weighed. */
export function entryOf(layout: TileLayout, view: ViewCache, key: string, runs: TileRun[]): KeyTiles {
  const entry = cleanTiles(key, runs, view.left);
  entry.objectBytes = objectsOf(layout, runs);
  entry.bytes = numberBytes(key, runs) + entry.objectBytes;
  return entry;
}

/** Parts of a map. */
const SHARDS = 64;

/**
 * A map by key in many parts. A `Map` that is full moves all that it has in the turn that adds one more; parts grow at different times,
 * each moving little. Hot path.
 */
class ShardedKeys<V> {
  readonly #shards: readonly Map<string, V>[] = Array.from({ length: SHARDS }, () => new Map<string, V>());

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)].get(key);
  }

  set(key: string, value: V): void {
    this.#shards[shardOf(key)].set(key, value);
  }

  delete(key: string): void {
    this.#shards[shardOf(key)].delete(key);
  }

  get size(): number {
    return this.#shards.reduce((size, shard) => size + shard.size, 0);
  }
}

/** Keys differ most at their ends. */
function shardOf(key: string): number {
  const last = key.length - 1;
  if (last < 2) return last < 0 ? 0 : key.charCodeAt(last) % SHARDS;
  return (key.charCodeAt(last) + 10 * key.charCodeAt(last - 1) + 37 * key.charCodeAt(last - 2)) % SHARDS;
}
