import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound } from '../../../features/tile/tile-run.ts';
import type { TileHorizon } from '../../../ports/online-store.ts';
import type { Entries } from './entries.ts';
import { hopAndBlock, tilesOfView } from './store-keys.ts';
import { decodeBlock, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';

/** Drops the tiles of each hop that end at or before its instant, in one transaction. Errors: STORE_WRITE, STORE_CORRUPT. */
export function dropTilesBefore(entries: Entries, layout: TileLayout, horizons: readonly TileHorizon[]): void {
  const before = new Map(horizons.map(({ hopMs, endedBefore }) => [hopMs, endedBefore]));
  entries.write(() => {
    for (const entry of entries.keys(tilesOfView(layout.viewId))) {
      const { hopMs, block } = hopAndBlock(entry);
      const endedBefore = before.get(hopMs);
      if (endedBefore === undefined || block * TILES_PER_BLOCK * hopMs + hopMs > endedBefore) continue;
      if ((block + 1) * TILES_PER_BLOCK * hopMs <= endedBefore) entries.remove(entry);
      else dropFromBlock(entries, layout, hopMs, entry, endedBefore);
    }
  });
}

/** Entries that leave in one transaction: other writes wait that long. */
const ENTRIES_AT_ONCE = 20_000;

/** Drops some of the entries of a view's tiles, in one transaction; gives their number, 0 where none is left. Errors: STORE_WRITE, STORE_CORRUPT. */
export function dropSomeOf(entries: Entries, viewId: string): number {
  return entries.write(() => {
    const found = entries.keys(tilesOfView(viewId), ENTRIES_AT_ONCE);
    for (const entry of found) entries.remove(entry);
    return found.length;
  });
}

function dropFromBlock(
  entries: Entries,
  layout: TileLayout,
  hopMs: number,
  entry: Uint8Array,
  endedBefore: number,
): void {
  const content = entries.get(entry);
  if (content === undefined) return;
  const run = decodeBlock(layout, hopMs, content);
  const dropped = lowerBound(run, layout, endedBefore - hopMs + 1);
  if (dropped === 0) return;
  dropFirst(run, layout, dropped);
  if (run.length === 0) entries.remove(entry);
  else entries.put(entry, encodeBlock(layout, hopMs, run));
}
