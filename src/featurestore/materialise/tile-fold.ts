import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun } from '../../features/tile/tile-run.ts';
import { cleanTiles, type KeyTiles } from './key-tiles.ts';
import type { TileCache } from './tile-cache.ts';

/** The delivery that is being added: its place in the log, and the time that it counts at. */
export interface FoldedDelivery {
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
}

/** Where accepted events are added. */
export interface TileFold {
  /** The tiles of a key, to add a delivery to; `of` is valid during the call. Hot path. */
  tilesOf(layout: TileLayout, key: string, of: FoldedDelivery): KeyTiles;
  /** A tile was changed. */
  changed(layout: TileLayout, tiles: KeyTiles, hop: number, start: number): void;
}

/** Adds events to the tiles in memory. */
export function localFold(tiles: TileCache): TileFold {
  return {
    tilesOf: (layout, key, { ts }) => tiles.tilesToChange(layout, key, ts),
    changed: (layout, of, hop, start) => tiles.markDirty(layout, of, hop, start),
  };
}

/** Adds events to tiles that were fetched, which may have them already: a commit that was cut short leaves keys ahead of its position. */
export function remoteFold(tiles: TileCache): TileFold {
  let elsewhere: KeyTiles | null = null;
  return {
    tilesOf: (layout, key, { ts, partition, offset }) => {
      const known = tiles.tilesToChange(layout, key, ts);
      if (known.covers === null || offset >= (known.covers[partition] ?? 0)) return known;
      const runs = layout.view.hopsMs.map(() => emptyRun(layout));
      elsewhere = cleanTiles(key, runs);
      return elsewhere;
    },
    changed: (layout, of, hop, start) => {
      if (of !== elsewhere) tiles.markDirty(layout, of, hop, start);
    },
  };
}
