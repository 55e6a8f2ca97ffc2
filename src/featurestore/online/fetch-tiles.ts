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
  readonly reader: Pick<WindowReader, 'spans' | 'startsFor'>;
}

/** Tiles of some keys as a store gave them. */
export interface FetchedTiles {
  readonly runs: ReadonlyMap<TileLayout, ReadonlyMap<string, readonly TileRun[]>>;
  readonly degraded: boolean;
  readonly freshUntil: number;
  /** Where they are but what a read at this instant takes behind the largest tile (`WindowReader.startsFor`); null: all. */
  readonly partAt: number | null;
}

/** Reads what lookups need at an instant, in one round trip: all that they may, or what they most likely do. */
export async function fetchLookups(
  remote: RemoteStore,
  lookups: readonly TileLookup[],
  at: number,
  isPart: boolean,
): Promise<FetchedTiles> {
  // Two lookups may read one key through one view: its windows are the same.
  const apart = lookups.filter(
    ({ layout, key }, i) => lookups.findIndex((one) => one.layout === layout && one.key === key) === i,
  );
  const reads = apart.flatMap(({ layout, key, reader }) => {
    // Lateness and skew delay when a tile may be dropped, not which ones a window takes.
    const { latenessMs, futureSkewMs } = layout.view.source;
    const wanted = isPart ? reader.startsFor(at) : null;
    return reader.spans(at).map(({ hopMs, from, to }, hop): TileRead => {
      const within = { layout, key, hopMs, from: from + floorTo(latenessMs + futureSkewMs, hopMs), to };
      return wanted === null ? within : { ...within, wanted: wanted[hop] };
    });
  });
  const { runs, degraded, freshUntil } = await remote.read(reads, []);
  const byLayout = new Map<TileLayout, Map<string, TileRun[]>>();
  reads.forEach(({ layout, key }, i) => {
    const keys = byLayout.get(layout) ?? new Map<string, TileRun[]>();
    byLayout.set(layout, keys);
    const hops = keys.get(key) ?? [];
    keys.set(key, hops);
    hops.push(runs[i]);
  });
  return { runs: byLayout, degraded, freshUntil, partAt: isPart ? at : null };
}
