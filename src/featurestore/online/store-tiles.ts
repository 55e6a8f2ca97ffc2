import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { HotTiles } from '../hotkeys/hot-tiles.ts';
import type { FetchedKey, FetchedTiles } from './fetch-tiles.ts';
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

/** A source of the tiles that were fetched for one request. */
function sourceOf(fetched: readonly FetchedTiles[]): TileSource {
  let [freshUntil, degraded, partAt]: [number, boolean, number | null] = [Number.POSITIVE_INFINITY, false, null];
  for (let f = 0; f < fetched.length; f += 1) {
    freshUntil = Math.min(freshUntil, fetched[f].freshUntil);
    degraded ||= fetched[f].degraded;
    partAt ??= fetched[f].partAt;
  }
  return {
    runsOf: (layout, key) => keyOf(fetched, layout, key)?.runs ?? NO_RUNS,
    storedOf: (layout, key) => keyOf(fetched, layout, key)?.windows,
    answersFrom: ({ source }: StreamViewData) => freshUntil - source.latenessMs - source.futureSkewMs,
    lagMs: (_, now) => Math.max(0, now - freshUntil),
    degraded: () => degraded,
    partAt,
  };
}

function keyOf(fetched: readonly FetchedTiles[], layout: TileLayout, key: string): FetchedKey | undefined {
  for (let f = 0; f < fetched.length; f += 1) {
    const { keys } = fetched[f];
    for (let k = 0; k < keys.length; k += 1) if (keys[k].layout === layout && keys[k].key === key) return keys[k];
  }
  return undefined;
}
