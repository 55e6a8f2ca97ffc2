import { START } from '../../features/tile/tile-layout.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { DrainTo, TakeTiles } from './key-tiles.ts';
import type { TileCache } from './tile-cache.ts';

/** The changed tiles of one commit on their way out of the cache, where they go back if they cannot be written. */
export class TileDrain {
  /** Those that were taken so far; their indexes were right when they were. */
  readonly tiles: TileWrite[] = [];
  readonly steps: Iterable<unknown>;
  readonly #cache: TileCache;
  readonly #keep: TakeTiles;
  readonly #starts: number[] = [];
  #failure: { readonly error: unknown } | null = null;

  /** Begins a drain; the tiles are taken while they are what they are now. */
  constructor(cache: TileCache, { archived, now, see, take }: DrainTo) {
    this.#cache = cache;
    this.#keep = take;
    this.steps = cache.drain({ archived, now, see, take: (tiles) => this.#take(tiles) });
  }

  /** Throws what the taker threw. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Call when all steps are taken and the tiles could not be written: they are written with the next commit. */
  takeBack(): void {
    this.#cache.takeBack(this.tiles, this.#starts);
  }

  /** An error of the taker is kept: the event that is about to change the tiles did not cause it. */
  #take(tiles: readonly TileWrite[]): void {
    for (const tile of tiles) {
      this.tiles.push(tile);
      this.#starts.push(tile.run.nums[tile.index * tile.layout.numbers + START]);
    }
    if (this.#failure !== null) return;
    try {
      this.#keep(tiles);
    } catch (error) {
      this.#failure = { error };
    }
  }
}
