import type { MaybePromise } from '../base/maybe-promise.ts';
import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { TileRun } from '../features/tile/tile-run.ts';
import type { Columns, Value } from '../schema/column.ts';
import type { HandOver } from './hand-over.ts';
import type { Position } from './position.ts';
import type { RemoteStore } from './remote-store.ts';

/** Tiles of one key with `from <= start < to`. `key` is the encoded entity key (`schema/entity-key.ts`). */
export interface TileRead {
  readonly layout: TileLayout;
  readonly hopMs: number;
  readonly key: string;
  readonly from: number;
  readonly to: number;
  /** Of these the starts that are wanted, ascending and apart; all where it is left out. A store may give the others too. */
  readonly wanted?: readonly { readonly from: number; readonly to: number }[];
}

/** One tile to write, in the writer's memory: the store copies or encodes it before it returns. */
export interface TileWrite {
  readonly layout: TileLayout;
  readonly hopMs: number;
  readonly key: string;
  readonly run: TileRun;
  /** Index of the tile within the run. */
  readonly index: number;
  /** All tiles of the key by hop, if the writer has them: a store may keep those that reads of the present need. */
  readonly all?: readonly TileRun[];
}

/** The outcome of the versioned upsert (see `features/tile/upsert.ts`). */
export interface TileReport {
  readonly applied: number;
  readonly duplicate: number;
  readonly stale: number;
  readonly conflict: number;
}

export interface TileCommit {
  readonly writer: string;
  /** The writer's position after these tiles; never visible before them. */
  readonly position: Position;
  readonly tiles: readonly TileWrite[];
  /**
   * The tiles are all of their keys as of the position, by view the offsets of its source: for a store whose tiles many processes make. Left
   * out: what keys cover stays.
   */
  readonly covers?: ReadonlyMap<TileLayout, readonly number[]>;
  /** All events that arrived before this instant, epoch ms, are in these or earlier tiles; sent to readers elsewhere. */
  readonly freshUntil?: number;
}

/** A commit that is handed over little by little. One that is never finished writes nothing. */
export interface OpenCommit {
  /** Takes tiles as they are now: what becomes of them in memory later is not in the commit. */
  add(tiles: readonly TileWrite[]): void;
  /** Writes all that was added, and the position, as `writeTiles` does; without blocking the calling thread. */
  finish(commit: Omit<TileCommit, 'tiles'>): Promise<TileReport>;
}

/** A whole run of a batch view. */
export interface BatchGeneration {
  /** `name@version` of the view. */
  readonly viewId: string;
  /** Grows with every run. */
  readonly generation: number;
  /** The run saw data up to here, epoch ms. */
  readonly asOf: number;
  /** Readers see it from here on, epoch ms. */
  readonly visibleFrom: number;
}

export interface BatchRow {
  readonly key: string;
  /** In the order of the view's features. */
  readonly values: readonly Value[];
}

export interface BatchRead {
  readonly viewId: string;
  readonly features: Columns;
  readonly key: string;
}

export interface BatchAnswer {
  readonly generation: BatchGeneration;
  /** null: the key is not in the generation. */
  readonly values: readonly Value[] | null;
  /** Whether the store may have lost what it acknowledged, and has not been caught up since. */
  readonly degraded?: boolean;
}

/** Tiles of a hop that end at or before an instant. */
export interface TileHorizon {
  readonly hopMs: number;
  readonly endedBefore: number;
}

/** The tiles of a view that are dropped. */
export interface TileSweep {
  readonly layout: TileLayout;
  readonly horizons: readonly TileHorizon[];
}

/** Memory of a store in this process that a commit takes, and that stays. */
export interface StorePages {
  /** Bytes that the largest commit since the start has taken, about. */
  readonly bytes: number;
  /** The most keys of which a commit takes up to `bytes`. */
  mostKeys(bytes: number): number;
}

/** A key of a view whose tiles changed. */
export interface ChangedKey {
  /** As in the layout. */
  readonly viewId: string;
  readonly key: string;
}

/** A commit, as a process that only reads receives it. */
export interface StoreNews {
  /** Whatever arrived before this instant, epoch ms, is in the tiles; -Infinity where nobody said it yet. */
  readonly freshUntil: number;
  /** Keys whose tiles changed since it asked last; null: any may have. */
  readonly changed: readonly ChangedKey[] | null;
}

/** How far a store has been checked for damage since it was opened. */
export interface StoreCheck {
  /** Pages of its file when it was opened, and how many of them were read then. */
  readonly pages: number;
  readonly readAtOpen: number;
  /** Whether every page has been checked. */
  readonly isWhole: boolean;
  /** The damage that was found; null: none. */
  readonly damage: Error | null;
  /** Why the check of the other pages stopped; null: it continues, or has ended. */
  readonly unchecked: string | null;
}

export interface OnlineStoreCapabilities {
  /** Whether writes survive the process. */
  readonly durable: boolean;
  /** Whether `readTiles` and `readBatch` answer at once (no promise). */
  readonly synchronousReads: boolean;
  /** Whether other processes may read while one writes. */
  readonly sharedReads: boolean;
  /**
   * Whether tiles and position of a commit become visible together. Where not, as over the nodes of a cluster, the position
   * comes after the tiles, and `remote.load` says how far each key is ahead of it.
   */
  readonly atomicCommits: boolean;
}

/**
 * Where the newest tiles and batch values are kept for serving.
 *
 * Rules (each a case of `testing/contracts/online-store.ts`):
 *  1. a tile write follows the versioned upsert: newer applies; equal with equal content is a duplicate; equal with other
 *     content is a conflict and keeps the stored one; older is stale; a refused write changes nothing;
 *  2. a position is never ahead of its tiles, over a crash too; with `atomicCommits` they become visible together or not at
 *     all, without them a key may be ahead of the position, and says so;
 *  3. a read returns the stored tiles of [from, to) ascending, with equal partials (decode of encode is identity), and
 *     later writes do not change a returned run;
 *  4. views, versions, hops and keys never collide, whatever characters or lengths the keys have (to 10 kB);
 *  5. `position` is that of the last commit of the writer; null before the first; `writers` names those that have one;
 *  6. a batch generation is invisible until it is switched to; the switch is atomic; the rows of the previous generation stay
 *     until the next switch, for started reads; older ones are dropped;
 *  7. a second writer on the same store is STORE_LOCKED; readers are not;
 *  8. `dropTiles` removes the tiles of each named view and hop that end at or before its instant, and nothing else; it may take long, and
 *     commits come in between; once its signal is aborted it ends early, and the next call resumes;
 *  9. `dropKey` removes the tiles of a key in the named layouts and its rows in every generation of the named batch views, and
 *     nothing else;
 * 10. a commit of `openCommit` has the tiles as they were added, whatever becomes of their memory; nothing of it is seen
 *     before it is finished, then all of it; writes asked for meanwhile come after it, and none is lost;
 * 11. `follow` of a store opened for reading reports the changed keys of every commit once; from then on reads return its
 *     writes, and within the same turn of the event loop nothing newer;
 * 12. `dropView` removes all tiles of one view, of every key and hop, and nothing else;
 * 13. the stored windows of a key are those of its stored tiles, or are absent.
 */
export interface OnlineStore {
  readonly capabilities: OnlineStoreCapabilities;
  /** Of a store without synchronous reads. */
  readonly remote?: RemoteStore;
  readTiles(reads: readonly TileRead[]): MaybePromise<readonly TileRun[]>;
  writeTiles(commit: TileCommit): MaybePromise<TileReport>;
  /**
   * The stored windows of a key (`features/window/stored-windows.ts`), valid until the next call; null: not stored. Of a store with
   * synchronous reads that stores them. Hot path.
   */
  readWindows?(layout: TileLayout, key: string): Uint8Array | null;
  /**
   * Begins a commit that does not keep the calling thread while it is written; one at a time. Left out: `writeTiles` has to do.
   * `now`, epoch ms: windows are stored as of it, none where it is left out.
   */
  openCommit?(now?: number): OpenCommit;
  position(writer: string): MaybePromise<Position | null>;
  /** The writers that have a position, in no order. */
  writers(): MaybePromise<readonly string[]>;
  /** Writes rows of a generation that nobody sees yet; may be called many times. */
  writeBatch(generation: BatchGeneration, features: Columns, rows: readonly BatchRow[]): MaybePromise<void>;
  /** Makes the generation the one that is read. */
  switchBatch(generation: BatchGeneration): MaybePromise<void>;
  readBatch(reads: readonly BatchRead[]): MaybePromise<readonly (BatchAnswer | null)[]>;
  /** Of all views that have something to drop in one call: it may walk over the whole store. */
  dropTiles(sweeps: readonly TileSweep[], signal?: AbortSignal): MaybePromise<void>;
  /** Drops all tiles of a view that is not declared any more, by the id of its layout; one that is cut off is to be asked for again. */
  dropView(viewId: string, signal?: AbortSignal): MaybePromise<void>;
  /** Drops all tiles and batch rows of a key; without it the store cannot forget. Synchronous stores have dropped them when it returns. */
  dropKey?(layouts: readonly TileLayout[], batchViews: readonly string[], key: string): MaybePromise<void>;
  /**
   * Of a store with synchronous and shared reads that was opened to be read: what is new since the last call, null where nothing
   * is. Call it before the first read of a request. Hot path.
   */
  follow?(): StoreNews | null;
  /** How far the store has been checked; left out where it is always whole. */
  check?(): StoreCheck;
  /** Bytes that the store keeps in this process's memory and that grow with keys, by part; nothing where it is left out. */
  memory?(): Readonly<Record<string, number>>;
  /** The memory for pages that commits change, of a store that keeps it in this process; left out: it keeps none. */
  readonly pages?: StorePages;
  /** Of a store with synchronous and shared reads that was opened to be written: whether another process has it open to be read. */
  hasReaders?(): boolean;
  /** The way of rows to the process that writes, of a store that machines share. */
  readonly handOver?: HandOver;
  close(): MaybePromise<void>;
}
