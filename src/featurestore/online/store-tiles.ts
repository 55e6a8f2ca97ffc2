import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { TileRead } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import type { TileLookup, TileSource } from './vector-reader.ts';

/** Tiles of a store that another process writes: those of a request come in one round trip. */
export function storeTiles(remote: RemoteStore): TileSource {
  return {
    fetch: (lookups, at) => fetchTiles(remote, lookups, at),
    runsOf: () => [],
    answersFrom: () => Number.POSITIVE_INFINITY,
    lagMs: () => Number.POSITIVE_INFINITY,
  };
}

async function fetchTiles(remote: RemoteStore, lookups: readonly TileLookup[], at: number): Promise<TileSource> {
  const reads = lookups.flatMap(({ layout, key, reader }) =>
    reader.spans(at).map((span): TileRead => ({ layout, key, ...span })),
  );
  const { runs, degraded, freshUntil } = await remote.read(reads, []);
  const byKey = new Map<TileLayout, Map<string, TileRun[]>>();
  reads.forEach(({ layout, key }, i) => {
    const keys = byKey.get(layout) ?? new Map<string, TileRun[]>();
    byKey.set(layout, keys);
    const hops = keys.get(key) ?? [];
    keys.set(key, hops);
    // Two lookups may read one key through different windows, but the spans of a view are the same.
    if (hops.length < layout.view.hopsMs.length) hops.push(runs[i]);
  });
  return {
    runsOf: (layout, key) => byKey.get(layout)?.get(key) ?? [],
    answersFrom: ({ source }: StreamViewData) => freshUntil - source.latenessMs - source.futureSkewMs,
    lagMs: (_, now) => Math.max(0, now - freshUntil),
    degraded: () => degraded,
  };
}
