import { GENERATION, START, type TileLayout } from '../../features/tile/tile-layout.ts';
import { copyTile, type TileRun, tileAt } from '../../features/tile/tile-run.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { Span } from '../../features/window/tile-ranges.ts';

/**
 * The tiles of a key that are loaded: those that windows can reach from `since` on, a log clock. The store has no event at or
 * after `until` of any key of the view; Infinity where that is not known, and blocks are walked over rather than looked up.
 */
export interface TileBounds {
  readonly since: number;
  readonly until: number;
}

/** All tiles. */
export const UNBOUNDED: TileBounds = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };

/** The starts by hop of the tiles within bounds; undefined: all. */
export function startsWithin(
  { view }: TileLayout,
  { since, until }: TileBounds,
): readonly (readonly Span[])[] | undefined {
  if (!Number.isFinite(since)) return undefined;
  return view.hopsMs.map((hopMs) => [{ from: since - tileHorizonMs(view, hopMs), to: until }]);
}

/** Whether tiles that were loaded since a log clock have all that an event or a read at `ts` takes. Hot path. */
export function reaches({ view: { source } }: TileLayout, since: number, ts: number): boolean {
  return since <= ts + source.latenessMs + source.futureSkewMs;
}

/** Whether they have, by hop, all tiles from these starts on. */
export function reachesStarts({ view }: TileLayout, since: number, starts: readonly number[]): boolean {
  return view.hopsMs.every((hopMs, hop) => starts[hop] >= since - tileHorizonMs(view, hopMs));
}

/** Adds to all tiles of a key, as the store has them, those in memory, which are as new or newer. */
export function withTiles(layout: TileLayout, stored: readonly TileRun[], memory: readonly TileRun[]): TileRun[] {
  return stored.map((whole, hop) => {
    const run = memory[hop];
    for (let i = 0; i < run.length; i += 1) {
      const at = i * layout.numbers;
      copyTile(layout, whole, tileAt(whole, layout, run.nums[at + START], run.nums[at + GENERATION]), run, i);
    }
    return whole;
  });
}
