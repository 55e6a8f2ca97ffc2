import { fail } from '../../base/errors/fail.ts';
import { FrequentKeys } from '../../base/frequent-keys.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { Span } from '../../features/window/tile-ranges.ts';
import { type ReadTiles, tileChanged } from '../../features/window/window-memo.ts';
import type { OnlineStore, TileWrite } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import { KeyBudget } from './key-budget.ts';
import {
  collect,
  DROP_AT_ONCE,
  isKeyTiles,
  type KeyTiles,
  moveNumbers,
  reachOf,
  type SeeChanges,
  type TakeTiles,
  tellOf,
  trimEntry,
  type ViewKey,
} from './key-tiles.ts';
import { type LoadTarget, loadKeys } from './load-keys.ts';
import { reaches, reachesStarts, type TileBounds, UNBOUNDED } from './tile-bounds.ts';
import { memoBytes, numberBytes, objectsOf } from './tile-bytes.ts';
import { NO_CHANGE, TileChanges } from './tile-changes.ts';
import { emptyView, loadEntry, loadRest, loadSome, nothingDrained, type ViewCache } from './view-cache.ts';
import { type Writer, writers } from './writer.ts';

/** Keys of a view that change before a commit is due, however large the budget is: closing and a start have as many to write. */
const MOST_BUSY = 200_000;

type BoundsOf = (layout: TileLayout) => TileBounds;

/** Receives the tiles of a drain. */
export interface DrainTo {
  /** Log clock up to which the history has the tiles: those of them that no window can reach any more are left out. */
  readonly archived: number;
  /** The instant that windows are stored as of, epoch ms. */
  readonly now: number;
  /** Called with all changes that it has not seen. */
  readonly see: SeeChanges;
  readonly take: TakeTiles;
}

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
  readonly #writer: Writer;
  readonly #mostBusy: number;
  readonly #frequent = new FrequentKeys();
  readonly #boundsOf: BoundsOf;
  #budget: KeyBudget<KeyTiles>;
  #evictedBefore = 0;
  #views: Map<TileLayout, ViewCache> = new Map();
  /** The drain that takes changes from here on. */
  #drain = 1;
  #drainTo: DrainTo | null = null;

  /** `boundsOf`: which tiles of a view are loaded, at first; all where it is left out. */
  constructor(
    store: OnlineStore,
    maxBytes: number,
    writer: Writer = writers.embedded,
    mostBusy = MOST_BUSY,
    boundsOf: BoundsOf = () => UNBOUNDED,
  ) {
    if (!store.capabilities.synchronousReads && store.remote === undefined)
      throw fail('STORE_CAPABILITY', { capability: 'synchronousReads' });
    this.#store = store;
    this.#budget = new KeyBudget(maxBytes);
    this.#writer = writer;
    this.#mostBusy = mostBusy;
    this.#boundsOf = boundsOf;
  }

  /** Whether tiles that are not in memory come later. */
  get isRemote(): boolean {
    return this.#store.remote !== undefined;
  }

  /** Bytes of the tiles in memory, and of the values that readers derived. */
  get bytes(): number {
    return this.#budget.bytes;
  }

  /** Bytes of tiles that may not leave the memory: changed, or on their way to the store. */
  get busyBytes(): number {
    return this.#budget.busyBytes;
  }

  /** Keys of all views in memory. */
  get keys(): number {
    return this.#budget.keys;
  }

  /** Keys that left to make room. */
  get evicted(): number {
    return this.#evictedBefore + this.#budget.evicted;
  }

  /** The most bytes. A smaller budget holds from the next key on. */
  get maxBytes(): number {
    return this.#budget.maxBytes;
  }

  set maxBytes(bytes: number) {
    this.#budget.maxBytes = bytes;
  }

  /** Leaves the tiles what other parts do not take of a process's budget: a quarter of it at least. */
  fit(budgetBytes: number, parts: Readonly<Record<string, number>>): void {
    let others = 0;
    for (const part in parts) if (part !== 'tiles') others += parts[part];
    this.maxBytes = Math.max(budgetBytes / 4, budgetBytes - others);
  }

  /** Whether a commit is due: what may not leave takes half of the budget, or is as many keys as one commit writes. */
  get mustCommit(): boolean {
    return this.busyBytes > this.maxBytes / 2 || this.#budget.busyKeys > this.#mostBusy;
  }

  /** Whether events must wait for a commit. */
  get isFull(): boolean {
    return this.busyBytes > 0.75 * this.maxBytes || this.#budget.busyKeys > 2 * this.#mostBusy;
  }

  /** All tiles of the key, loaded from the store where they are missing. */
  tilesOf(layout: TileLayout, key: string): KeyTiles {
    const view = this.#viewOf(layout);
    const found = view.keys.get(key);
    if (found === undefined) return this.#load(view, layout, key, UNBOUNDED);
    this.#used(layout, found);
    if (found.since !== Number.NEGATIVE_INFINITY) this.#loadRest(layout, found);
    return found;
  }

  /** The tiles of the key from some starts on, by hop, and maybe others. */
  tilesFrom(layout: TileLayout, key: string, starts: readonly number[]): KeyTiles {
    const found = this.#touch(layout, key) ?? this.#load(this.#viewOf(layout), layout, key, this.#boundsOf(layout));
    if (!reachesStarts(layout, found.since, starts)) this.#loadRest(layout, found);
    return found;
  }

  /**
   * The key's tiles for a read at `q` where they are in memory, or come into it since the key is read often; null: read it by `windowsOf` or
   * `someTiles`.
   */
  tilesToRead(layout: TileLayout, key: string, q: number): KeyTiles | null {
    const found = this.#touch(layout, key);
    if (found !== undefined) {
      if (!reaches(layout, found.since, q)) this.#loadRest(layout, found);
      return found;
    }
    const view = this.#viewOf(layout);
    // The keys in memory where others left to make room; 0 where none had to.
    const held = this.#budget.evicted === 0 ? 0 : this.#budget.keys;
    if (!this.#frequent.isFrequent(view.number, key, held)) return null;
    const bounds = this.#boundsOf(layout);
    return this.#load(view, layout, key, reaches(layout, bounds.since, q) ? bounds : UNBOUNDED);
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
    return isKeyTiles(tiles) && tiles.budget === this.#budget;
  }

  /** Counts the values that a reader derived from a key's tiles. */
  weigh(tiles: ReadTiles): void {
    if (isKeyTiles(tiles)) this.#weigh(tiles);
  }

  /** The key's tiles, to be changed at once by an event of `ts`; left out: any of them may change. */
  tilesToChange(layout: TileLayout, key: string, ts = Number.NEGATIVE_INFINITY): KeyTiles {
    const view = this.#viewOf(layout);
    const entry = this.#touch(layout, key) ?? this.#load(view, layout, key, this.#boundsOf(layout));
    if (!reaches(layout, entry.since, ts)) this.#loadRest(layout, entry);
    if (entry.newest !== NO_CHANGE && entry.drain !== this.#drain) this.#taken(layout, view, entry);
    return entry;
  }

  /** Whether all these keys are in memory; they stay for this turn of the event loop. */
  holds(keys: readonly ViewKey[]): boolean {
    return keys.every(({ layout, key }) => this.#touch(layout, key) !== undefined);
  }

  /**
   * Loads the keys that are not in memory, in one round trip; undefined where all are. Of a store that answers later,
   * `tilesOf` takes only keys that were held just before.
   */
  hold(keys: readonly ViewKey[]): Promise<void> | undefined {
    const { remote } = this.#store;
    if (remote === undefined) return undefined;
    if (this.holds(keys)) return undefined;
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
          const entry = this.#touch(each.layout, each.key);
          if (entry === undefined) missing.push(each);
          else if (!held.has(entry)) {
            held.add(entry);
            this.#budget.hold(entry);
          }
        }
        if (missing.length === 0) return;
        await loadKeys(this.#target(remote), missing);
      }
    } finally {
      setImmediate(() => {
        for (const entry of held) this.#release(entry);
      });
    }
  }

  /** Notes that the tile at `start` of a hop changed. */
  markDirty(layout: TileLayout, entry: KeyTiles, hop: number, start: number): void {
    if (hop === 0) tileChanged(entry, start);
    const view = this.#viewOf(layout);
    // A tile that the archive has seen has changed again.
    if (view.changes.isNewest(entry.newest, entry.told, hop, start, 2 * entry.runs.length)) return;
    if (entry.newest === NO_CHANGE) {
      entry.drain = this.#drain;
      view.dirty.push(entry);
      this.#budget.hold(entry);
    }
    this.#weigh(entry);
    entry.newest = view.changes.add(entry.newest, hop, start);
    this.untold += 1;
  }

  /**
   * Reports, step by step, the tiles that have changed by now and were not reported before. No drain may begin
   * meanwhile.
   */
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
    const { see, take, now } = this.#drainTo;
    const { changes, reach } = view.drained;
    this.untold -= tellOf(layout, entry, changes, see);
    take(collect(layout, entry, changes, reach, now));
    entry.newest = NO_CHANGE;
    entry.told = NO_CHANGE;
    // It stays until the tiles are written: the store has older ones.
    entry.leaving = true;
    view.leaving.push(entry);
    this.#weighObjects(layout, entry);
    if (entry.runs.some(({ length }) => length >= DROP_AT_ONCE)) view.long.push(entry);
  }

  /** Marks drained tiles as changed again: they could not be written. `starts` are theirs from then. */
  takeBack(writes: readonly TileWrite[], starts: readonly number[]): void {
    writes.forEach(({ layout, hopMs, key }, i) => {
      // They stay in memory until they are written.
      const entry = this.#touch(layout, key) ?? this.tilesOf(layout, key);
      this.markDirty(layout, entry, layout.view.hopsMs.indexOf(hopMs), starts[i]);
    });
    for (const view of this.#views.values()) for (const _ of this.#written(view));
  }

  /**
   * Call when the drained tiles are written: their entries may leave from then on. Drops from memory, step by step, the tiles of the
   * entries just written that no window can reach from `now` on.
   */
  *sweep(now: number): Generator<undefined> {
    for (const [layout, view] of [...this.#views]) {
      const reach = reachOf(layout, now);
      for (const entry of view.long) {
        trimEntry(layout, entry, view.changes, reach);
        this.#weighObjects(layout, entry);
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
      this.#release(entry);
      yield;
    }
  }

  /** Drops the entries of a key that another process changed; values derived from them are stale. */
  drop(layout: TileLayout, key: string): void {
    const view = this.#viewOf(layout);
    const entry = view.keys.get(key);
    if (entry === undefined) return;
    this.#budget.drop(entry);
    entry.left(entry);
  }

  /** Drops the entries of a key, changed or not. */
  forgetKey(layout: TileLayout, key: string): void {
    this.epoch += 1;
    const view = this.#viewOf(layout);
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
    this.#evictedBefore = this.evicted;
    this.#budget = new KeyBudget(this.maxBytes);
    // Another map: what is on its way from the store was asked of it before.
    this.#views = new Map();
  }

  #viewOf(layout: TileLayout): ViewCache {
    let view = this.#views.get(layout);
    if (view === undefined) {
      view = emptyView(this.#views.size);
      this.#views.set(layout, view);
    }
    return view;
  }

  /** A key in memory, which counts as used. */
  #touch(layout: TileLayout, key: string): KeyTiles | undefined {
    const entry = this.#viewOf(layout).keys.get(key);
    if (entry !== undefined) this.#used(layout, entry);
    return entry;
  }

  #used(layout: TileLayout, entry: KeyTiles): void {
    this.#budget.touch(entry);
    if (!this.#budget.isStale(entry)) return;
    for (let hop = 0; hop < entry.runs.length; hop += 1) moveNumbers(entry.runs[hop], layout);
    this.#budget.placed(entry);
  }

  #load(view: ViewCache, layout: TileLayout, key: string, bounds: TileBounds): KeyTiles {
    return this.#insert(view, loadEntry(this.#store, layout, view, key, bounds));
  }

  #loadRest(layout: TileLayout, entry: KeyTiles): void {
    loadRest(this.#store, layout, entry);
    this.#weighObjects(layout, entry);
  }

  #insert(view: ViewCache, entry: KeyTiles): KeyTiles {
    view.keys.set(entry.key, entry);
    this.#budget.add(entry);
    return entry;
  }

  #weigh(entry: KeyTiles): void {
    this.#budget.weigh(entry, numberBytes(entry.key, entry.runs) + entry.objectBytes + memoBytes(entry));
  }

  /** Sizes of objects take long to sum up: events and reads do without. */
  #weighObjects(layout: TileLayout, entry: KeyTiles): void {
    entry.objectBytes = objectsOf(layout, entry.runs);
    this.#weigh(entry);
  }

  /** Of the budget that it is in: another one may have begun. */
  #release(entry: KeyTiles): void {
    (entry.budget ?? this.#budget).release(entry);
  }

  #target(remote: RemoteStore): LoadTarget {
    return {
      remote,
      writer: this.#writer,
      viewOf: (layout) => this.#viewOf(layout),
      isCurrent: (layout, view) => this.#views.get(layout) === view,
      insert: (view, entry) => this.#insert(view, entry),
      release: (entry) => this.#release(entry),
    };
  }
}
