import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { Span } from '../../features/window/tile-ranges.ts';
import type { ReadTiles } from '../../features/window/window-memo.ts';
import type { TileCache } from '../materialise/tile-cache.ts';
import type { TileLookup } from './fetch-tiles.ts';

/** Where a reader finds tiles: the writer's cache, or the store from another process. */
export interface TileSource {
  /** The key's tiles by hop; not changed until the caller has read them. */
  runsOf(layout: TileLayout, key: string, at: number): readonly TileRun[];
  /** Set by a source that reports every change of its tiles, so that derived values can be kept. */
  readonly told?: ToldTiles;
  /** The earliest instant that a view's tiles answer: before it, tiles that a window needs may be dropped. */
  answersFrom(view: StreamViewData): number;
  /** How far the tiles of a view lag behind the log, ms. */
  lagMs(view: StreamViewData, now: number): number;
  /** Whether the store may have lost acknowledged writes and is being caught up; never where it is left out. */
  degraded?(): boolean;
  /**
   * Of a source whose tiles may be elsewhere: fetches what a read of these lookups at an instant needs, and gives where to
   * read it; undefined where all is at hand. `isPart`: what the read most likely takes is enough, `partAt` then says so.
   */
  fetch?(lookups: readonly TileLookup[], at: number, isPart: boolean): Promise<TileSource> | undefined;
  /** The one instant that its tiles answer, where the largest tile does; null or left out: they are not so few. */
  readonly partAt?: number | null;
  /** In place of the tiles of such a part, the key's stored windows: null where the store does not have them, undefined where tiles are there. */
  storedOf?(layout: TileLayout, key: string): Uint8Array | null | undefined;
  /** Whether the tiles of a view did not come within its latency budget; never where it is left out. */
  isLate?(view: StreamViewData): boolean;
}

/** Tiles with their derived values; a caller that changes one calls `tileChanged`. */
export interface ToldTiles {
  /** The tiles of a key in memory for a read at `q`; null: the key stays outside, since it is not read often. Counts as a read. */
  tilesOf(layout: TileLayout, key: string, q: number): ReadTiles | null;
  /** Of a key outside the memory: its stored windows, valid until the next read; null: there are none. */
  windowsOf(layout: TileLayout, key: string): Uint8Array | null;
  /** Of such a key: the tiles that start in some spans by hop, and maybe others; valid until the next read. */
  someTiles(layout: TileLayout, key: string, starts: readonly (readonly Span[])[]): readonly TileRun[];
  /** Grows when tiles that were returned are dropped: no change is reported for them from then on. */
  epoch(): number;
  /** Whether tiles are still in memory: they leave one by one. Nothing is kept with tiles that left. */
  has(tiles: ReadTiles): boolean;
  /** Counts the values that a reader derived from the tiles. */
  weigh(tiles: ReadTiles): void;
}

/** The tiles of a cache, as readers take them. */
export function toldTiles(tiles: TileCache): ToldTiles {
  return {
    tilesOf: (layout, key, q) => tiles.tilesToRead(layout, key, q),
    windowsOf: (layout, key) => tiles.windowsOf(layout, key),
    someTiles: (layout, key, starts) => tiles.someTiles(layout, key, starts),
    epoch: () => tiles.epoch,
    has: (held) => tiles.has(held),
    weigh: (held) => tiles.weigh(held),
  };
}
