import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { emptyRun, type TileRun } from '../../features/tile/tile-run.ts';
import { type UpsertOutcome, upsertTile } from '../../features/tile/upsert.ts';
import type { TileWrite } from '../../ports/online-store.ts';

/** Tiles that an engine has written, each at its newest version, on their way to a store: those that came once, and no others of their keys. */
export class NewestTiles {
  /** Different tiles. */
  size = 0;
  #views: Map<TileLayout, Map<string, readonly TileRun[]>> = new Map();

  /** Takes a tile by the versioned upsert. */
  take({ layout, hopMs, key, run, index }: TileWrite): UpsertOutcome {
    const keys = this.#views.get(layout) ?? new Map<string, readonly TileRun[]>();
    this.#views.set(layout, keys);
    const runs = keys.get(key) ?? layout.view.hopsMs.map(() => emptyRun(layout));
    keys.set(key, runs);
    const into = runs[layout.view.hopsMs.indexOf(hopMs)];
    const before = into.length;
    const outcome = upsertTile(layout, into, run, index);
    this.size += into.length - before;
    return outcome;
  }

  /** Returns all of them, and starts empty. */
  drain(): NewestTiles {
    const drained = new NewestTiles();
    drained.#views = this.#views;
    drained.size = this.size;
    this.#views = new Map();
    this.size = 0;
    return drained;
  }

  /** By view and key a run for each hop. */
  get views(): ReadonlyMap<TileLayout, ReadonlyMap<string, readonly TileRun[]>> {
    return this.#views;
  }

  /** All of them, as a store takes them. */
  *writes(): Generator<TileWrite> {
    for (const [layout, keys] of this.#views)
      for (const [key, runs] of keys)
        for (const [hop, run] of runs.entries())
          for (let index = 0; index < run.length; index += 1)
            yield { layout, hopMs: layout.view.hopsMs[hop], key, run, index };
  }
}
