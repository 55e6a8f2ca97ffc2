import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';

/** Tiles that no window can reach are dropped this often by the log clock, ms. */
const DROP_EVERY_MS = 86_400_000;

/**
 * The name of the mark of the last sweep in the store, a position: for each view that it walked, by the id of its layout, its log clock, epoch
 * ms. It lies with the tiles, so it is copied and lost with them. Without it a sweep is due, as in a store of an older program.
 */
export const SWEPT = 'swept';

export interface DropUnreachableOptions {
  readonly store: Pick<OnlineStore, 'position' | 'writeTiles' | 'dropTiles'>;
  readonly layouts: readonly TileLayout[];
  /** Tiles whose windows ended long enough before this log clock can go, epoch ms; infinite: not known. */
  readonly keepClock: number;
  /** Events that arrived before this instant are in the tiles that other processes write, epoch ms; asked for if a sweep may be due. */
  readonly freshUntil: () => Promise<number>;
  readonly signal: AbortSignal;
}

/**
 * Drops the stored tiles that no window can reach, if a view is due: one that no sweep has walked, or the last one a day of the log clock before
 * or after this one. A clock that was set back so cannot stop sweeps. Ends early once the signal is aborted; then it stays due. Errors: those
 * of the store.
 */
export async function dropUnreachable(options: DropUnreachableOptions): Promise<void> {
  const { store, layouts, keepClock, freshUntil, signal } = options;
  const swept = (await store.position(SWEPT)) ?? {};
  if (!isDue(layouts, swept, keepClock)) return;
  const clock = Math.min(keepClock, await freshUntil());
  if (!isDue(layouts, swept, clock)) return;
  const sweeps = layouts.map((layout) => ({
    layout,
    horizons: layout.view.hopsMs
      .map((hopMs) => ({ hopMs, endedBefore: clock - tileHorizonMs(layout.view, hopMs) }))
      .filter(({ endedBefore }) => Number.isFinite(endedBefore)),
  }));
  await store.dropTiles(sweeps, signal);
  if (signal.aborted) return;
  // Kept until now: a process that is killed before leaves the sweep due.
  const position = Object.fromEntries(layouts.map(({ viewId }) => [viewId, [clock]]));
  await store.writeTiles({ writer: SWEPT, position, tiles: [] });
}

function isDue(layouts: readonly TileLayout[], swept: Position, clock: number): boolean {
  if (!Number.isFinite(clock)) return false;
  return layouts.some(({ viewId }) => {
    const last = swept[viewId]?.[0];
    return last === undefined || Math.abs(clock - last) >= DROP_EVERY_MS;
  });
}
