import { fail } from '../../base/errors/fail.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import { type ReadTiles, tileChanged } from '../../features/window/window-memo.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import { topicOf } from '../ingest/gateway.ts';
import { NO_CHANGE, TileChanges } from './tile-changes.ts';
import { type Writer, writers } from './writer.ts';

/** The tiles of one (view, key) in memory: a run per hop, and which of them changed since the last commit. */
export interface KeyTiles extends ReadTiles {
  readonly key: string;
  readonly runs: TileRun[];
  /** The newest change that no drain has taken yet, among those of its view; repeats possible. */
  newest: number;
  /** The newest change that the archive has been told of. */
  told: number;
  /** The drain that will take them. */
  drain: number;
  /** By partition, up to where the tiles have the log while it is read again; null: nothing of it is in them twice. */
  covers: readonly number[] | null;
}

/** A key of a view. */
export interface ViewKey {
  readonly layout: TileLayout;
  readonly key: string;
}

/** Takes changed tiles, of one key, as they lie in memory: it copies what it keeps. */
export type TakeTiles = (tiles: readonly TileWrite[]) => void;

/** Who sees the tiles of a drain. */
export interface DrainTo {
  /** Log clock up to which the history has the tiles: those of them that no window can reach any more are left out. */
  readonly archived: number;
  /** Is told of all that changed, unless it was told before. */
  readonly see: SeeChanges;
  readonly take: TakeTiles;
}

/**
 * Write-back cache of tiles over the online store: the writer's working memory. What it holds is newer than the store
 * until it is drained and written; the event log is the truth for the difference. A drain may go on while events come: a
 * key that is about to change is taken first, so that what is taken is what was there when the drain began. Two generations of entries bound the memory: an entry
 * untouched between two sweeps is dropped, unless it is dirty. Hot path.
 */
export class TileCache {
  /** Grows when entries are dropped: what was made of them before does not hear of changes any more. */
  epoch = 0;
  /** Changes that nobody was told of yet. */
  untold = 0;
  readonly #store: OnlineStore;
  readonly #maxKeys: number;
  readonly #writer: Writer;
  #views: Map<TileLayout, ViewCache> = new Map();
  /** The drain that takes what changes from here on. */
  #drain = 1;
  #drainTo: DrainTo | null = null;

  constructor(store: OnlineStore, maxKeys: number, writer: Writer = writers.embedded) {
    if (!store.capabilities.synchronousReads && store.remote === undefined)
      throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    this.#store = store;
    this.#maxKeys = maxKeys;
    this.#writer = writer;
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

  /** The key's tiles, to be changed at once. */
  tilesToChange(layout: TileLayout, key: string): KeyTiles {
    const entry = this.tilesOf(layout, key);
    if (entry.newest !== NO_CHANGE && entry.drain !== this.#drain) this.#taken(layout, this.#viewOf(layout), entry);
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
    const view = this.#viewOf(layout);
    // What the archive was told of before has changed again.
    if (view.changes.isNewest(entry.newest, entry.told, hop, start, 2 * entry.runs.length)) return;
    if (entry.newest === NO_CHANGE) {
      entry.drain = this.#drain;
      view.dirty.push(entry);
    }
    entry.newest = view.changes.add(entry.newest, hop, start);
    this.untold += 1;
  }

  /** Tells, step by step, of the tiles that have changed by now, unless it was told before. No drain may begin meanwhile. */
  *tell(see: SeeChanges): Generator<undefined> {
    for (const [layout, { dirty, changes }] of [...this.#views]) {
      for (let i = 0, end = dirty.length; i < end; i += 1) {
        this.untold -= tellOf(layout, dirty[i], changes, see);
        yield;
      }
    }
  }

  /**
   * Hands over, step by step, a key after the other, the tiles that have changed by now; they count as clean from then on. Until
   * it has ended, keys that change are handed over before. One drain at a time.
   */
  drain(to: DrainTo): Iterable<unknown> {
    const views = [...this.#views];
    for (const [layout, view] of views) {
      view.drained = { entries: view.dirty, changes: view.changes, reach: reachOf(layout, to.archived) };
      view.dirty = [];
      view.changes = new TileChanges();
      view.long = [];
    }
    this.#drain += 1;
    this.#drainTo = to;
    return this.#drainSteps(views, this.#drain);
  }

  *#drainSteps(views: readonly (readonly [TileLayout, ViewCache])[], drain: number): Generator<undefined> {
    for (const [layout, view] of views) {
      for (const entry of view.drained.entries) {
        if (entry.newest !== NO_CHANGE && entry.drain !== drain) this.#taken(layout, view, entry);
        yield;
      }
      view.drained = nothingDrained();
    }
    this.#drainTo = null;
  }

  #taken(layout: TileLayout, view: ViewCache, entry: KeyTiles): void {
    if (this.#drainTo === null) return;
    const { see, take } = this.#drainTo;
    const { changes, reach } = view.drained;
    this.untold -= tellOf(layout, entry, changes, see);
    take(collect(layout, entry, changes, reach));
    entry.newest = NO_CHANGE;
    entry.told = NO_CHANGE;
    if (entry.runs.some(({ length }) => length >= DROP_AT_ONCE)) view.long.push(entry);
  }

  /** Marks drained tiles as changed again: they could not be written. `starts` are theirs from then. */
  takeBack(writes: readonly TileWrite[], starts: readonly number[]): void {
    writes.forEach(({ layout, hopMs, key }, i) => {
      this.markDirty(layout, this.tilesOf(layout, key), layout.view.hopsMs.indexOf(hopMs), starts[i]);
    });
  }

  /**
   * Call when the drained tiles are written. Drops from memory, step by step, the tiles of the entries just written that no
   * window can reach from `now` on, then ends a generation of entries where the cache is over its bound.
   */
  *sweep(now: number): Generator<undefined> {
    for (const [layout, view] of [...this.#views]) {
      const reach = reachOf(layout, now);
      for (const entry of view.long) {
        trimEntry(layout, entry, view.changes, reach);
        yield;
      }
      view.long = [];
      if (view.hot.size <= this.#maxKeys) continue;
      const leaving = view.cold;
      this.epoch += 1;
      view.cold = view.hot;
      view.hot = new Map();
      // Events may have come while the last commit was on its way.
      for (const entry of view.dirty) if (leaving.get(entry.key) === entry) view.hot.set(entry.key, entry);
    }
  }

  /** Drops what is held of a key that another process changed; what was made of it holds no more. */
  drop(layout: TileLayout, key: string): void {
    const view = this.#viewOf(layout);
    const entry = view.hot.get(key) ?? view.cold.get(key);
    if (entry === undefined) return;
    tileChanged(entry, Number.NEGATIVE_INFINITY);
    view.hot.delete(key);
    view.cold.delete(key);
  }

  /** Drops what is held of a key, changed or not. */
  forgetKey(layout: TileLayout, key: string): void {
    this.epoch += 1;
    const view = this.#viewOf(layout);
    for (const entry of view.dirty)
      if (entry.key === key) this.untold -= tellOf(layout, entry, view.changes, () => undefined);
    view.hot.delete(key);
    view.cold.delete(key);
    view.dirty = view.dirty.filter((entry) => entry.key !== key);
    view.long = view.long.filter((entry) => entry.key !== key);
  }

  /** Drops every entry; all must be clean (just drained and written). */
  forget(): void {
    this.epoch += 1;
    this.untold = 0;
    // Another map: what is on its way from the store was asked of it before.
    this.#views = new Map();
  }

  #viewOf(layout: TileLayout): ViewCache {
    let view = this.#views.get(layout);
    if (view === undefined) {
      view = {
        hot: new Map(),
        cold: new Map(),
        dirty: [],
        changes: new TileChanges(),
        drained: nothingDrained(),
        long: [],
        loading: new Map(),
      };
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
      const loaded = await remote.load(this.#writer, asked);
      asked.forEach(({ layout, key }, i) => {
        const { runs, covers } = loaded[i];
        const offsets = covers?.[topicOf(layout.view.source)] ?? null;
        views.get(layout)?.hot.set(key, { ...cleanTiles(key, [...runs]), covers: offsets });
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
    return cleanTiles(key, [...runs]);
  }
}

/** A key's tiles as the store has them. */
export function cleanTiles(key: string, runs: TileRun[]): KeyTiles {
  return { key, runs, newest: NO_CHANGE, told: NO_CHANGE, drain: 0, covers: null, answers: null, merged: null };
}

interface ViewCache {
  hot: Map<string, KeyTiles>;
  cold: Map<string, KeyTiles>;
  /** Entries that changed since the last drain began, and their changes. */
  dirty: KeyTiles[];
  changes: TileChanges;
  /** Keys that are on their way from the store. */
  readonly loading: Map<string, Promise<void>>;
  drained: Drained;
  /** Entries of the last drain that have tiles enough to drop some. */
  long: KeyTiles[];
}

/** What a drain that is under way takes. */
interface Drained {
  readonly entries: readonly KeyTiles[];
  readonly changes: TileChanges;
  /** By hop: starts before it are left out. */
  readonly reach: readonly number[];
}

function nothingDrained(): Drained {
  return { entries: [], changes: new TileChanges(), reach: [] };
}

/** By hop, the starts before which no window from `now` on can reach. */
function reachOf({ view }: TileLayout, now: number): readonly number[] {
  return view.hopsMs.map((hopMs) => now - tileHorizonMs(view, hopMs));
}

/** Sees changed tiles of a key, hop (by index) and start by turns, valid during the call. */
export type SeeChanges = (layout: TileLayout, key: string, changes: readonly number[]) => void;

function tellOf(layout: TileLayout, entry: KeyTiles, changes: TileChanges, see: SeeChanges): number {
  if (entry.newest === entry.told) return 0;
  const pairs = changes.pairsOf(entry.newest, entry.told);
  see(layout, entry.key, pairs);
  entry.told = entry.newest;
  return pairs.length / 2;
}

/** The changed tiles of a key, but those before `reach`: the history has them, and the next sweep would drop them. */
function collect(
  layout: TileLayout,
  { key, runs, newest }: KeyTiles,
  changes: TileChanges,
  reach: readonly number[],
): readonly TileWrite[] {
  const writes: TileWrite[] = [];
  const hops = layout.view.hopsMs;
  for (let hop = 0; hop < hops.length; hop += 1) {
    const run = runs[hop];
    for (const start of changes.startsOf(newest, hop))
      if (!(start < reach[hop]))
        writes.push({ layout, hopMs: hops[hop], key, run, index: lowerBound(run, layout, start), all: runs });
  }
  return writes;
}

/** Tiles are dropped in groups, since each drop moves the rest. */
const DROP_AT_ONCE = 32;

/** Drops the first tiles of a key, up to those that a window can reach or that changed again. */
function trimEntry(
  layout: TileLayout,
  { runs, newest }: KeyTiles,
  changes: TileChanges,
  reach: readonly number[],
): void {
  for (let hop = 0; hop < runs.length; hop += 1) {
    const run = runs[hop];
    let before = reach[hop];
    for (const start of changes.startsOf(newest, hop)) if (start < before) before = start;
    const count = lowerBound(run, layout, before);
    if (count >= DROP_AT_ONCE) dropFirst(run, layout, count);
  }
}
