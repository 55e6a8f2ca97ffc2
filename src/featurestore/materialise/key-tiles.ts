import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { isInSlab, newNumbers } from '../../features/tile/tile-memory.ts';
import { dropFirst, lowerBound, type TileRun } from '../../features/tile/tile-run.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { ReadTiles } from '../../features/window/window-memo.ts';
import type { TileWrite } from '../../ports/online-store.ts';
import type { Weighed } from './key-budget.ts';
import { reaches } from './tile-bounds.ts';
import { NO_CHANGE, type TileChanges } from './tile-changes.ts';

/** The tiles of one (view, key) in memory: a run per hop, and which of them changed since the last commit. */
export interface KeyTiles extends ReadTiles, Weighed<KeyTiles> {
  readonly key: string;
  readonly runs: TileRun[];
  /** The log clock from which on they were loaded: of tiles that no window can reach from then on some are missing; -Infinity: none. */
  since: number;
  /** The newest change that no drain has taken yet, among those of its view; repeats possible. */
  newest: number;
  /** The newest change that was reported to the archive. */
  told: number;
  /** The drain that will take them. */
  drain: number;
  /** By partition, the offset that the tiles include while the log is read again; null: no event comes twice. */
  covers: readonly number[] | null;
  /** Bytes of the objects of the tiles, as the last commit weighed them. */
  objectBytes: number;
  /** Whether the tiles were drained and are not in the store yet. */
  leaving: boolean;
}

/** A key of a view. */
export interface ViewKey {
  readonly layout: TileLayout;
  readonly key: string;
}

/** Takes changed tiles of one key, in their layout in memory: it copies the tiles that it keeps. */
export type TakeTiles = (tiles: readonly TileWrite[]) => void;

/** Receives the tiles of a drain. */
export interface DrainTo {
  /** Log clock up to which the history has the tiles: those of them that no window can reach any more are left out. */
  readonly archived: number;
  /** The instant that windows are stored as of, epoch ms. */
  readonly now: number;
  /** Called with all changes that it has not seen. */
  readonly see: SeeChanges;
  readonly take: TakeTiles;
}

/** A key's tiles as the store has them, in no memory. */
export function cleanTiles(key: string, runs: TileRun[], left: (entry: KeyTiles) => void = () => undefined): KeyTiles {
  return {
    key,
    runs,
    since: Number.NEGATIVE_INFINITY,
    newest: NO_CHANGE,
    told: NO_CHANGE,
    drain: 0,
    covers: null,
    objectBytes: 0,
    leaving: false,
    answers: null,
    merged: null,
    budget: null,
    bytes: 0,
    busy: 0,
    older: null,
    newer: null,
    placedAt: 0,
    usedAt: 0,
    left,
  };
}

/** Whether tiles are those of a cache. */
export function isKeyTiles(tiles: ReadTiles): tiles is KeyTiles {
  return 'budget' in tiles;
}

/** Moves the numbers of a small run out of their slab. */
export function moveNumbers(run: TileRun, { numbers }: TileLayout): void {
  if (!isInSlab(run.nums)) return;
  const moved = newNumbers(run.length * numbers);
  moved.set(run.nums.subarray(0, run.length * numbers));
  run.nums = moved;
}

/** By hop, the starts before which no window from `now` on can reach. */
export function reachOf({ view }: TileLayout, now: number): readonly number[] {
  return view.hopsMs.map((hopMs) => now - tileHorizonMs(view, hopMs));
}

/** Sees changed tiles of a key, hop (by index) and start by turns, valid during the call. */
export type SeeChanges = (layout: TileLayout, key: string, changes: readonly number[]) => void;

export function tellOf(layout: TileLayout, entry: KeyTiles, changes: TileChanges, see: SeeChanges): number {
  if (entry.newest === entry.told) return 0;
  const pairs = changes.pairsOf(entry.newest, entry.told);
  see(layout, entry.key, pairs);
  entry.told = entry.newest;
  return pairs.length / 2;
}

/**
 * The changed tiles of a key, but those before `reach`: the history has them, and the next sweep would drop them. With them go all
 * tiles that windows at `now` take, if they are in memory.
 */
export function collect(
  layout: TileLayout,
  { key, runs, newest, since }: KeyTiles,
  changes: TileChanges,
  reach: readonly number[],
  now: number,
): readonly TileWrite[] {
  const writes: TileWrite[] = [];
  const all = reaches(layout, since, now) ? { all: runs } : {};
  const hops = layout.view.hopsMs;
  for (let hop = 0; hop < hops.length; hop += 1) {
    const run = runs[hop];
    for (const start of changes.startsOf(newest, hop))
      if (!(start < reach[hop]))
        writes.push({ layout, hopMs: hops[hop], key, run, index: lowerBound(run, layout, start), ...all });
  }
  return writes;
}

/** Tiles are dropped in groups, since each drop moves the rest. */
export const DROP_AT_ONCE = 32;

/** Drops the first tiles of a key, up to those that a window can reach or that changed again. */
export function trimEntry(
  layout: TileLayout,
  { runs, newest }: KeyTiles,
  changes: TileChanges,
  reach: readonly number[],
): void {
  for (let hop = 0; hop < runs.length; hop += 1) {
    const run = runs[hop];
    let before = reach[hop];
    for (const start of changes.startsOf(newest, hop)) if (start < before) before = start;
    const count = lowerBound(run, layout, before);
    if (count >= DROP_AT_ONCE) dropFirst(run, layout, count);
  }
}
