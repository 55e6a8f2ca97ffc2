import { fail } from '../../base/errors/fail.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';

/** The tiles of one (view, key) in memory: a run per hop, and the starts that changed since the last commit. */
export interface KeyTiles {
  readonly key: string;
  readonly runs: TileRun[];
  /** Starts written since the last commit by hop; the newest is last, repeats possible. */
  readonly dirty: number[][];
  isDirty: boolean;
}

/**
 * Write-back cache of tiles over the online store: the writer's working memory. What it holds is newer than the store
 * until `drain`; the event log is the truth for the difference. Two generations of entries bound the memory: an entry
 * untouched between two sweeps is dropped, unless it is dirty. Hot path.
 */
export class TileCache {
  readonly #store: OnlineStore;
  readonly #maxKeys: number;
  readonly #views: Map<TileLayout, ViewCache> = new Map();

  constructor(store: OnlineStore, maxKeys: number) {
    if (!store.capabilities.synchronousReads) throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    this.#store = store;
    this.#maxKeys = maxKeys;
  }

  /** The key's tiles, loaded from the store on a miss. */
  tilesOf(layout: TileLayout, key: string): KeyTiles {
    const view = this.#viewOf(layout);
    const found = view.hot.get(key);
    if (found !== undefined) return found;
    const cold = view.cold.get(key);
    const entry = cold ?? this.#load(layout, key);
    if (cold !== undefined) view.cold.delete(key);
    view.hot.set(key, entry);
    return entry;
  }

  /** Notes that the tile at `start` of a hop changed. */
  markDirty(layout: TileLayout, entry: KeyTiles, hop: number, start: number): void {
    const starts = entry.dirty[hop];
    if (starts === undefined) return;
    if (starts.length > 0 && starts[starts.length - 1] === start) return;
    starts.push(start);
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.#viewOf(layout).dirty.push(entry);
  }

  /** The changed tiles, to be written in one commit; they count as clean from here on. */
  drain(): TileWrite[] {
    const writes: TileWrite[] = [];
    for (const [layout, view] of this.#views) {
      for (const entry of view.dirty) {
        collect(layout, entry, writes);
        entry.isDirty = false;
      }
      view.drained = view.dirty;
      view.dirty = [];
    }
    return writes;
  }

  /** Marks drained tiles as changed again: they could not be written. `starts` are theirs from then. */
  takeBack(writes: readonly TileWrite[], starts: readonly number[]): void {
    writes.forEach(({ layout, hopMs, key }, i) => {
      this.markDirty(layout, this.tilesOf(layout, key), layout.view.hopsMs.indexOf(hopMs), starts[i]);
    });
  }

  /**
   * Call when the drained tiles are written. Drops from memory the tiles of the entries just written that no window can
   * reach from `now` on, and ends a generation of entries where the cache is over its bound.
   */
  sweep(now: number): void {
    for (const [layout, view] of this.#views) {
      for (const entry of view.drained) trimEntry(layout, entry, now);
      view.drained = [];
      if (view.hot.size <= this.#maxKeys) continue;
      view.cold = view.hot;
      view.hot = new Map();
    }
  }

  /** Drops every entry; all must be clean (just drained and written). */
  forget(): void {
    this.#views.clear();
  }

  #viewOf(layout: TileLayout): ViewCache {
    let view = this.#views.get(layout);
    if (view === undefined) {
      view = { hot: new Map(), cold: new Map(), dirty: [], drained: [] };
      this.#views.set(layout, view);
    }
    return view;
  }

  #load(layout: TileLayout, key: string): KeyTiles {
    const hops = layout.view.hopsMs;
    const runs = this.#store.readTiles(
      hops.map((hopMs) => ({ layout, hopMs, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY })),
    );
    if (runs instanceof Promise) throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    return { key, runs: [...runs], dirty: hops.map(() => []), isDirty: false };
  }
}

interface ViewCache {
  hot: Map<string, KeyTiles>;
  cold: Map<string, KeyTiles>;
  dirty: KeyTiles[];
  /** Entries of the last drain. */
  drained: KeyTiles[];
}

function collect(layout: TileLayout, entry: KeyTiles, into: TileWrite[]): void {
  const hops = layout.view.hopsMs;
  for (let hop = 0; hop < hops.length; hop += 1) {
    const starts = entry.dirty[hop];
    const run = entry.runs[hop];
    const hopMs = hops[hop];
    if (starts === undefined || run === undefined || hopMs === undefined || starts.length === 0) continue;
    for (const start of starts.length === 1 ? starts : new Set(starts)) {
      into.push({ layout, hopMs, key: entry.key, run, index: lowerBound(run, layout, start) });
    }
    starts.length = 0;
  }
}

/** Tiles are dropped in groups, since each drop moves the rest. */
const DROP_AT_ONCE = 32;

function trimEntry(layout: TileLayout, entry: KeyTiles, now: number): void {
  layout.view.hopsMs.forEach((hopMs, hop) => {
    const run = entry.runs[hop];
    if (run === undefined || (entry.dirty[hop]?.length ?? 0) > 0) return;
    const count = lowerBound(run, layout, now - tileHorizonMs(layout.view, hopMs));
    if (count >= DROP_AT_ONCE) dropFirst(run, layout, count);
  });
}
