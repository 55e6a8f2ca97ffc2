import { fail } from '../../base/errors/fail.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import { emptyMemo, type ReadTiles, tileChanged } from '../../features/window/window-memo.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import { topicOf } from '../ingest/gateway.ts';
import { WRITER } from './writer.ts';

/** The tiles of one (view, key) in memory: a run per hop, and the starts that changed since the last commit. */
export interface KeyTiles extends ReadTiles {
  readonly key: string;
  readonly runs: TileRun[];
  /** Starts written since the last commit by hop; the newest is last, repeats possible. */
  readonly dirty: number[][];
  isDirty: boolean;
  /** By partition, up to where the tiles have the log while it is read again; null: nothing of it is in them twice. */
  covers: readonly number[] | null;
}

/** A key of a view. */
export interface ViewKey {
  readonly layout: TileLayout;
  readonly key: string;
}

/**
 * Write-back cache of tiles over the online store: the writer's working memory. What it holds is newer than the store
 * until `drain`; the event log is the truth for the difference. Two generations of entries bound the memory: an entry
 * untouched between two sweeps is dropped, unless it is dirty. Hot path.
 */
export class TileCache {
  /** Grows when entries are dropped: what was made of them before does not hear of changes any more. */
  epoch = 0;
  readonly #store: OnlineStore;
  readonly #maxKeys: number;
  #views: Map<TileLayout, ViewCache> = new Map();

  constructor(store: OnlineStore, maxKeys: number) {
    if (!store.capabilities.synchronousReads && store.remote === undefined)
      throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    this.#store = store;
    this.#maxKeys = maxKeys;
  }

  /** Whether tiles that are not in memory come later. */
  get isRemote(): boolean {
    return this.#store.remote !== undefined;
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

  /** Whether all these keys are in memory; they stay over the next sweep. */
  holds(keys: readonly ViewKey[]): boolean {
    return keys.every(({ layout, key }) => this.#touch(layout, key));
  }

  /**
   * Loads the keys that are not in memory, in one round trip; undefined where all are. Of a store that answers later,
   * `tilesOf` takes only keys that were held just before.
   */
  hold(keys: readonly ViewKey[]): Promise<void> | undefined {
    const { remote } = this.#store;
    if (remote === undefined) return undefined;
    const missing = keys.filter(({ layout, key }) => !this.#touch(layout, key));
    return missing.length === 0 ? undefined : this.#loadAll(remote, missing).then(() => this.hold(keys));
  }

  /** Notes that the tile at `start` of a hop changed. */
  markDirty(layout: TileLayout, entry: KeyTiles, hop: number, start: number): void {
    if (hop === 0) tileChanged(entry, start);
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
      const leaving = view.cold;
      this.epoch += 1;
      view.cold = view.hot;
      view.hot = new Map();
      // Events may have come while the last commit was on its way.
      if (view.dirty.length > 0) for (const [key, entry] of leaving) if (entry.isDirty) view.hot.set(key, entry);
    }
  }

  /** Drops what is held of a key, changed or not. */
  forgetKey(layout: TileLayout, key: string): void {
    this.epoch += 1;
    const view = this.#viewOf(layout);
    view.hot.delete(key);
    view.cold.delete(key);
    view.dirty = view.dirty.filter((entry) => entry.key !== key);
    view.drained = view.drained.filter((entry) => entry.key !== key);
  }

  /** Drops every entry; all must be clean (just drained and written). */
  forget(): void {
    this.epoch += 1;
    // Another map: what is on its way from the store was asked of it before.
    this.#views = new Map();
  }

  #viewOf(layout: TileLayout): ViewCache {
    let view = this.#views.get(layout);
    if (view === undefined) {
      view = { hot: new Map(), cold: new Map(), dirty: [], drained: [], loading: new Map() };
      this.#views.set(layout, view);
    }
    return view;
  }

  /** Whether a key is in memory; it stays over the next sweep. */
  #touch(layout: TileLayout, key: string): boolean {
    const view = this.#viewOf(layout);
    if (view.hot.has(key)) return true;
    const entry = view.cold.get(key);
    if (entry === undefined) return false;
    view.cold.delete(key);
    view.hot.set(key, entry);
    return true;
  }

  /** One load at a time for a key: what came late could miss a commit in between. */
  async #loadAll(remote: RemoteStore, keys: readonly ViewKey[]): Promise<void> {
    const views = this.#views;
    const waiting = new Set<Promise<void>>();
    const asked: ViewKey[] = [];
    let loading: Promise<void> | undefined;
    for (const { layout, key } of keys) {
      const view = this.#viewOf(layout);
      const known = view.loading.get(key);
      if (known !== undefined) waiting.add(known);
      else {
        loading ??= Promise.resolve().then(() => this.#loadAsked(remote, asked, views));
        view.loading.set(key, loading);
        asked.push({ layout, key });
      }
    }
    if (loading !== undefined) waiting.add(loading);
    await Promise.all(waiting);
  }

  async #loadAsked(remote: RemoteStore, asked: readonly ViewKey[], views: Map<TileLayout, ViewCache>): Promise<void> {
    try {
      const loaded = await remote.load(WRITER, asked);
      asked.forEach(({ layout, key }, i) => {
        const { runs, covers } = loaded[i];
        const dirty = layout.view.hopsMs.map(() => []);
        const offsets = covers?.[topicOf(layout.view.source)] ?? null;
        views
          .get(layout)
          ?.hot.set(key, { key, runs: [...runs], dirty, isDirty: false, covers: offsets, ...emptyMemo() });
      });
    } finally {
      for (const { layout, key } of asked) views.get(layout)?.loading.delete(key);
    }
  }

  #load(layout: TileLayout, key: string): KeyTiles {
    const hops = layout.view.hopsMs;
    const runs = this.#store.readTiles(
      hops.map((hopMs) => ({ layout, hopMs, key, from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY })),
    );
    if (runs instanceof Promise) throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    return { key, runs: [...runs], dirty: hops.map(() => []), isDirty: false, covers: null, ...emptyMemo() };
  }
}

interface ViewCache {
  hot: Map<string, KeyTiles>;
  cold: Map<string, KeyTiles>;
  dirty: KeyTiles[];
  /** Keys that are on their way from the store. */
  readonly loading: Map<string, Promise<void>>;
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
