import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { Span } from '../../features/window/tile-ranges.ts';
import { type ReadTiles, tileChanged } from '../../features/window/window-memo.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';
import { BusyBound } from './busy-bound.ts';
import { CachedKeys } from './cached-keys.ts';
import {
  collect,
  DROP_AT_ONCE,
  type DrainTo,
  isKeyTiles,
  type KeyTiles,
  reachOf,
  type SeeChanges,
  tellOf,
  trimEntry,
  type ViewKey,
} from './key-tiles.ts';
import { reachesStarts, type TileBounds } from './tile-bounds.ts';
import { NO_CHANGE, TileChanges } from './tile-changes.ts';
import { TileLoads } from './tile-loads.ts';
import { loadSome, nothingDrained, type ViewCache } from './view-cache.ts';
import { type Writer, writers } from './writer.ts';

/**
 * Write-back cache of tiles over the online store: the writer's working memory. It is newer than the store until it is
 * drained and written; the event log is the truth for the difference. A drain may run while events come: a key that is
 * about to change is taken first, so that the drain is as of its beginning. A budget in bytes bounds the memory: new
 * entries evict the clean ones that were used longest ago. Changed entries stay until they are in the store, so a
 * caller that brings events commits when `mustCommit` says so. Hot path.
 */
export class TileCache {
  /** Grows when entries are dropped: values derived from them before receive no further changes. */
  epoch = 0;
  /** Changes that nobody has seen yet. */
  untold = 0;
  readonly #store: OnlineStore;
  readonly #busy: BusyBound;
  readonly #cached: CachedKeys;
  readonly #loads: TileLoads;
  /** The drain that takes changes from here on. */
  #drain = 1;
  #drainTo: DrainTo | null = null;

  /** `boundsOf`: which tiles of a view are loaded, at first; all where it is left out. Error: STORE_CAPABILITY. */
  constructor(
    store: OnlineStore,
    maxBytes: number,
    writer: Writer = writers.embedded,
    mostBusy?: number,
    boundsOf?: (layout: TileLayout) => TileBounds,
  ) {
    this.#store = store;
    this.#busy = new BusyBound(store, maxBytes, mostBusy);
    this.#cached = new CachedKeys(maxBytes);
    this.#loads = new TileLoads(store, this.#cached, writer, boundsOf);
  }

  /** Whether tiles that are not in memory come later. */
  get isRemote(): boolean {
    return this.#store.remote !== undefined;
  }

  /** Bytes of the tiles in memory, and of the values that readers derived. */
  get bytes(): number {
    return this.#cached.budget.bytes;
  }

  /** Bytes of tiles that may not leave the memory: changed, or on their way to the store. */
  get busyBytes(): number {
    return this.#cached.budget.busyBytes;
  }

  /** Keys of all views in memory. */
  get keys(): number {
    return this.#cached.budget.keys;
  }

  /** Keys that left to make room. */
  get evicted(): number {
    return this.#cached.evicted;
  }

  /** The most bytes. A smaller budget holds from the next key on. */
  get maxBytes(): number {
    return this.#cached.budget.maxBytes;
  }

  set maxBytes(bytes: number) {
    this.#cached.budget.maxBytes = bytes;
  }

  /** Leaves the tiles what other parts do not take of a process's budget: a quarter of it at least. */
  fit(budgetBytes: number, parts: Readonly<Record<string, number>>): void {
    let others = 0;
    for (const part in parts) if (part !== 'tiles') others += parts[part];
    this.maxBytes = Math.max(budgetBytes / 4, budgetBytes - others);
  }

  /** Whether a commit is due. */
  get mustCommit(): boolean {
    return this.#busy.isDue(this.#cached.budget);
  }

  /** Whether events must wait for a commit. */
  get isFull(): boolean {
    return this.#busy.isFull(this.#cached.budget);
  }

  /** All tiles of the key, loaded from the store where they are missing. */
  tilesOf(layout: TileLayout, key: string): KeyTiles {
    return this.#loads.whole(layout, key);
  }

  /** The tiles of the key from some starts on, by hop, and maybe others. */
  tilesFrom(layout: TileLayout, key: string, starts: readonly number[]): KeyTiles {
    const found = this.#loads.within(layout, key);
    if (!reachesStarts(layout, found.since, starts)) this.#loads.rest(layout, found);
    return found;
  }

  /**
   * The key's tiles for a read at `q` where they are in memory, or come into it since the key is read often; null: read it by `windowsOf` or
   * `someTiles`.
   */
  tilesToRead(layout: TileLayout, key: string, q: number): KeyTiles | null {
    return this.#loads.ifFrequent(layout, key, q);
  }

  /** The stored windows of a key that is not in memory, valid until the next read; null: there are none. */
  windowsOf(layout: TileLayout, key: string): Uint8Array | null {
    return this.#store.readWindows?.(layout, key) ?? null;
  }

  /** Tiles of a key that is not in memory, those of some starts by hop and maybe others; valid until the next read. */
  someTiles(layout: TileLayout, key: string, starts: readonly (readonly Span[])[]): readonly TileRun[] {
    return loadSome(this.#store, layout, key, starts);
  }

  /** Whether tiles that were returned are in memory. If not, nothing may be kept with them: no change is reported. */
  has(tiles: ReadTiles): boolean {
    return isKeyTiles(tiles) && tiles.budget === this.#cached.budget;
  }

  /** Counts the values that a reader derived from a key's tiles. */
  weigh(tiles: ReadTiles): void {
    if (isKeyTiles(tiles)) this.#cached.weigh(tiles);
  }

  /** The key's tiles, to be changed at once by an event of `ts`; left out: any of them may change. */
  tilesToChange(layout: TileLayout, key: string, ts = Number.NEGATIVE_INFINITY): KeyTiles {
    const entry = this.#loads.at(layout, key, ts);
    if (entry.newest !== NO_CHANGE && entry.drain !== this.#drain)
      this.#taken(layout, this.#cached.viewOf(layout), entry);
    return entry;
  }

  /** Whether all these keys are in memory; they stay for this turn of the event loop. */
  holds(keys: readonly ViewKey[]): boolean {
    return this.#loads.holds(keys);
  }

  /**
   * Loads the keys that are not in memory, in one round trip; undefined where all are. Of a store that answers later,
   * `tilesOf` takes only keys that were held just before.
   */
  hold(keys: readonly ViewKey[]): Promise<void> | undefined {
    return this.#loads.hold(keys);
  }

  /** Notes that the tile at `start` of a hop changed. */
  markDirty(layout: TileLayout, entry: KeyTiles, hop: number, start: number): void {
    if (hop === 0) tileChanged(entry, start);
    const view = this.#cached.viewOf(layout);
    // A tile that the archive has seen has changed again.
    if (view.changes.isNewest(entry.newest, entry.told, hop, start, 2 * entry.runs.length)) return;
    if (entry.newest === NO_CHANGE) {
      entry.drain = this.#drain;
      view.dirty.push(entry);
      this.#cached.budget.hold(entry);
    }
    this.#cached.weigh(entry);
    entry.newest = view.changes.add(entry.newest, hop, start);
    this.untold += 1;
  }

  /**
   * Reports, step by step, the tiles that have changed by now and were not reported before. No drain may begin
   * meanwhile.
   */
  *tell(see: SeeChanges): Generator<undefined> {
    for (const [layout, { dirty, changes }] of [...this.#cached.views]) {
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
    const views = [...this.#cached.views];
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
    const { see, take, now } = this.#drainTo;
    const { changes, reach } = view.drained;
    this.untold -= tellOf(layout, entry, changes, see);
    take(collect(layout, entry, changes, reach, now));
    entry.newest = NO_CHANGE;
    entry.told = NO_CHANGE;
    // It stays until the tiles are written: the store has older ones.
    entry.leaving = true;
    view.leaving.push(entry);
    this.#cached.weighObjects(layout, entry);
    if (entry.runs.some(({ length }) => length >= DROP_AT_ONCE)) view.long.push(entry);
  }

  /** Marks drained tiles as changed again: they could not be written. `starts` are theirs from then. */
  takeBack(writes: readonly TileWrite[], starts: readonly number[]): void {
    writes.forEach(({ layout, hopMs, key }, i) => {
      // They stay in memory until they are written.
      const entry = this.#cached.touch(layout, key) ?? this.tilesOf(layout, key);
      this.markDirty(layout, entry, layout.view.hopsMs.indexOf(hopMs), starts[i]);
    });
    for (const view of this.#cached.views.values()) for (const _ of this.#written(view));
  }

  /**
   * Call when the drained tiles are written: their entries may leave from then on. Drops from memory, step by step, the tiles of the
   * entries just written that no window can reach from `now` on.
   */
  *sweep(now: number): Generator<undefined> {
    this.#busy.look();
    for (const [layout, view] of [...this.#cached.views]) {
      const reach = reachOf(layout, now);
      for (const entry of view.long) {
        trimEntry(layout, entry, view.changes, reach);
        this.#cached.weighObjects(layout, entry);
        yield;
      }
      view.long = [];
      yield* this.#written(view);
    }
  }

  *#written(view: ViewCache): Generator<undefined> {
    const { leaving } = view;
    view.leaving = [];
    for (const entry of leaving) {
      if (!entry.leaving) continue;
      entry.leaving = false;
      this.#cached.release(entry);
      yield;
    }
  }

  /** Drops the entries of a key that another process changed; values derived from them are stale. */
  drop(layout: TileLayout, key: string): void {
    this.#cached.drop(layout, key);
  }

  /** Drops the entries of a key, changed or not. */
  forgetKey(layout: TileLayout, key: string): void {
    this.epoch += 1;
    const view = this.#cached.viewOf(layout);
    for (const entry of view.dirty)
      if (entry.key === key) this.untold -= tellOf(layout, entry, view.changes, () => undefined);
    this.drop(layout, key);
    view.dirty = view.dirty.filter((entry) => entry.key !== key);
    view.long = view.long.filter((entry) => entry.key !== key);
    view.leaving = view.leaving.filter((entry) => entry.key !== key);
  }

  /** Drops every entry; all must be clean (just drained and written). */
  forget(): void {
    this.epoch += 1;
    this.untold = 0;
    this.#cached.forget();
  }
}
