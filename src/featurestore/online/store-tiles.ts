import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { HotTiles } from '../hotkeys/hot-tiles.ts';
import type { FetchedTiles } from './fetch-tiles.ts';
import type { TileSource } from './tile-source.ts';

const NO_RUNS: readonly TileRun[] = [];

/** Tiles of a store that another process writes: those of a request come in one round trip. */
export function storeTiles(hot: HotTiles): TileSource {
  return {
    fetch: (lookups, at, isPart) => hot.fetch(lookups, at, isPart).then(sourceOf),
    runsOf: () => NO_RUNS,
    answersFrom: () => Number.POSITIVE_INFINITY,
    lagMs: () => Number.POSITIVE_INFINITY,
  };
}

/** A source of what was fetched for one request. */
function sourceOf(fetched: readonly FetchedTiles[]): TileSource {
  const freshUntil = Math.min(...fetched.map((each) => each.freshUntil));
  const degraded = fetched.some((each) => each.degraded);
  const partAt = fetched.find((each) => each.partAt !== null)?.partAt ?? null;
  return {
    runsOf: (layout, key) => {
      for (const { runs } of fetched) {
        const found = runs.get(layout)?.get(key);
        if (found !== undefined) return found;
      }
      return NO_RUNS;
    },
    answersFrom: ({ source }: StreamViewData) => freshUntil - source.latenessMs - source.futureSkewMs,
    lagMs: (_, now) => Math.max(0, now - freshUntil),
    degraded: () => degraded,
    partAt,
  };
}
