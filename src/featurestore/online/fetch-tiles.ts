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
  readonly reader: Pick<WindowReader, 'spans' | 'startsFor' | 'isStored'>;
}

/** The store's answer for some keys. */
export interface FetchedTiles {
  readonly keys: readonly FetchedKey[];
  readonly degraded: boolean;
  readonly freshUntil: number;
  /** Where they have but what a read at this instant most likely takes; null: all. */
  readonly partAt: number | null;
}

export interface FetchedKey {
  readonly layout: TileLayout;
  readonly key: string;
  /** By hop. */
  readonly runs: readonly TileRun[];
  /** In place of the tiles of a part: the stored windows, null where the store does not have them. */
  readonly windows: Uint8Array | null | undefined;
}

/**
 * Reads what lookups need at an instant, in one round trip: all that they may, or what they most likely do, which is the stored windows of
 * keys where the store keeps them, and few tiles of others.
 */
export function fetchLookups(
  remote: RemoteStore,
  lookups: readonly TileLookup[],
  at: number,
  isPart: boolean,
): Promise<FetchedTiles> {
  const apart = apartOf(lookups);
  const windows: TileLookup[] = [];
  const whole: TileLookup[] = [];
  for (let i = 0; i < apart.length; i += 1) (isPart && apart[i].reader.isStored ? windows : whole).push(apart[i]);
  const reads = whole.map((lookup) => readsOf(lookup, at, isPart));
  return remote.read({ tiles: reads.flat(), windows, batch: [] }).then((answer): FetchedTiles => {
    const { runs, degraded, freshUntil } = answer;
    const keys = windows.map(
      ({ layout, key }, i): FetchedKey => ({ layout, key, runs: NO_RUNS, windows: answer.windows[i] }),
    );
    let next = 0;
    whole.forEach(({ layout, key }, i) => {
      const end = next + reads[i].length;
      keys.push({ layout, key, runs: runs.slice(next, end), windows: undefined });
      next = end;
    });
    return { keys, degraded, freshUntil, partAt: isPart ? at : null };
  });
}

const NO_RUNS: readonly TileRun[] = [];

/** Two lookups may read one key through one view: its windows are the same. */
function apartOf(lookups: readonly TileLookup[]): readonly TileLookup[] {
  return lookups.filter(
    ({ layout, key }, i) => lookups.findIndex((one) => one.layout === layout && one.key === key) === i,
  );
}

function readsOf({ layout, key, reader }: TileLookup, at: number, isPart: boolean): readonly TileRead[] {
  // Lateness and skew delay when a tile may be dropped, not which ones a window takes.
  const { latenessMs, futureSkewMs } = layout.view.source;
  const wanted = isPart ? reader.startsFor(at) : null;
  return reader.spans(at).map(({ hopMs, from, to }, hop): TileRead => {
    const within = { layout, key, hopMs, from: from + floorTo(latenessMs + futureSkewMs, hopMs), to };
    return wanted === null ? within : { ...within, wanted: wanted[hop] };
  });
}
