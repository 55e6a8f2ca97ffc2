import { floorTo } from '../../base/time.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { WindowReader } from '../../features/window/window-reader.ts';
import type { TileRead } from '../../ports/online-store.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';

/** A key of a view, and the reader of its windows. */
export interface TileLookup {
  readonly layout: TileLayout;
  readonly key: string;
  readonly reader: Pick<WindowReader, 'spans'>;
}

/** Tiles of some keys as a store gave them. */
export interface FetchedTiles {
  readonly runs: ReadonlyMap<TileLayout, ReadonlyMap<string, readonly TileRun[]>>;
  readonly degraded: boolean;
  readonly freshUntil: number;
}

/** Reads what lookups need at an instant, in one round trip. */
export async function fetchLookups(
  remote: RemoteStore,
  lookups: readonly TileLookup[],
  at: number,
): Promise<FetchedTiles> {
  const reads = lookups.flatMap(({ layout, key, reader }) => {
    // Lateness and skew delay when a tile may be dropped, not which ones a window takes.
    const { latenessMs, futureSkewMs } = layout.view.source;
    return reader.spans(at).map(
      ({ hopMs, from, to }): TileRead => ({
        layout,
        key,
        hopMs,
        from: from + floorTo(latenessMs + futureSkewMs, hopMs),
        to,
      }),
    );
  });
  const { runs, degraded, freshUntil } = await remote.read(reads, []);
  const byLayout = new Map<TileLayout, Map<string, TileRun[]>>();
  reads.forEach(({ layout, key }, i) => {
    const keys = byLayout.get(layout) ?? new Map<string, TileRun[]>();
    byLayout.set(layout, keys);
    const hops = keys.get(key) ?? [];
    keys.set(key, hops);
    // Two lookups may read one key through different windows, but the spans of a view are the same.
    if (hops.length < layout.view.hopsMs.length) hops.push(runs[i]);
  });
  return { runs: byLayout, degraded, freshUntil };
}
