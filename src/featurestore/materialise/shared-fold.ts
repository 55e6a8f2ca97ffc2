import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, lowerBound } from '../../features/tile/tile-run.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { SharedAddition, SharedKey } from '../../ports/tile-shares.ts';
import { cleanTiles, type KeyTiles } from './key-tiles.ts';
import type { FoldedDelivery, TileFold } from './tile-fold.ts';

/** A key that was read, and what was added to it. */
interface Entry {
  readonly to: SharedKey;
  readonly tiles: KeyTiles;
  /** By partition, the offset up to which its events are in the tiles. */
  readonly covers: number[];
  /** By hop, the starts of changed tiles. */
  readonly changed: readonly Set<number>[];
}

/**
 * Adds events to tiles that were read from a store that other processes write too. Events that a key has already are passed over, as are
 * those of keys that were not read: another turn adds them. Hot path.
 */
export class SharedFold implements TileFold {
  readonly #keys = new Map<TileLayout, Map<string, Entry>>();
  readonly #entries = new Map<KeyTiles, Entry>();

  /** Takes keys as they were read; forgets those of before. */
  begin(keys: readonly SharedKey[]): void {
    this.#keys.clear();
    this.#entries.clear();
    for (const to of keys) {
      const { layout, key } = to;
      const changed = layout.view.hopsMs.map(() => new Set<number>());
      const entry = { to, tiles: cleanTiles(key, [...to.runs]), covers: [...to.covers], changed };
      const ofView = this.#keys.get(layout) ?? new Map<string, Entry>();
      this.#keys.set(layout, ofView.set(key, entry));
      this.#entries.set(entry.tiles, entry);
    }
  }

  tilesOf(layout: TileLayout, key: string, { partition, offset }: FoldedDelivery): KeyTiles {
    const entry = this.#keys.get(layout)?.get(key);
    if (entry === undefined || offset < (entry.covers[partition] ?? 0))
      return cleanTiles(
        key,
        layout.view.hopsMs.map(() => emptyRun(layout)),
      );
    entry.covers[partition] = offset + 1;
    return entry.tiles;
  }

  changed(_: TileLayout, tiles: KeyTiles, hop: number, start: number): void {
    this.#entries.get(tiles)?.changed[hop].add(start);
  }

  /** The keys with events that they did not have. */
  additions(): readonly SharedAddition[] {
    const additions: SharedAddition[] = [];
    for (const { to, tiles, covers, changed } of this.#entries.values()) {
      const writes = writesOf(to, tiles, changed);
      if (writes.length > 0) additions.push({ to, tiles: writes, covers });
    }
    return additions;
  }
}

function writesOf(
  { layout, key }: SharedKey,
  { runs }: KeyTiles,
  changed: readonly ReadonlySet<number>[],
): readonly TileWrite[] {
  const writes: TileWrite[] = [];
  for (const [hop, hopMs] of layout.view.hopsMs.entries()) {
    const run = runs[hop];
    for (const start of changed[hop])
      writes.push({ layout, hopMs, key, run, index: lowerBound(run, layout, start), all: runs });
  }
  return writes;
}
