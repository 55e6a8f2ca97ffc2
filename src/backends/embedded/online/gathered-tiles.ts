import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../../features/tile/tile-run.ts';
import type { TileRead } from '../../../ports/online-store.ts';
import { appendBlock, decodeBlock, TILES_PER_BLOCK } from './tile-block.ts';

/** Numbers of a run that tiles are gathered in which the next key finds again: 512 KiB. */
const MOST_KEPT = 65_536;

/** Runs that the tiles of one key are gathered in, and after it those of the next. Hot path. */
export class GatheredTiles {
  readonly #runs = new Map<TileLayout, TileRun>();
  /** By layout and read of a key: where the tiles of one key are gathered. */
  readonly #gathered = new Map<TileLayout, TileRun[]>();

  /** Empty runs of a layout to gather the tiles of a key in. */
  empty(layout: TileLayout, count: number): readonly TileRun[] {
    let runs = this.#gathered.get(layout);
    if (runs === undefined) {
      runs = [];
      this.#gathered.set(layout, runs);
    }
    for (let i = 0; i < count; i += 1) {
      const known = runs[i];
      if (known === undefined || known.nums.length > MOST_KEPT) runs[i] = emptyRun(layout, TILES_PER_BLOCK);
      else known.length = 0;
    }
    return runs.slice(0, count);
  }

  /** Appends the tiles of a block that a read asks for. */
  gather({ layout, hopMs, from, to }: TileRead, block: number, content: Uint8Array, into: TileRun): void {
    const start = block * TILES_PER_BLOCK * hopMs;
    if (start >= from && start + TILES_PER_BLOCK * hopMs <= to) decodeBlock(layout, hopMs, content, into);
    else appendBlock(layout, into, this.#decode(layout, hopMs, content), from, to);
  }

  /** The tiles of a block, valid until the next is decoded. */
  #decode(layout: TileLayout, hopMs: number, content: Uint8Array): TileRun {
    return decodeBlock(layout, hopMs, content, this.#scratch(layout));
  }

  /** A run of a layout to work in, emptied: a block is decoded, changed and encoded before the next. */
  #scratch(layout: TileLayout): TileRun {
    const known = this.#runs.get(layout) ?? emptyRun(layout, TILES_PER_BLOCK);
    this.#runs.set(layout, known);
    known.length = 0;
    return known;
  }
}
