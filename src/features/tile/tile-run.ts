import type { Cells } from './cells.ts';
import { COUNT, FIRST_PARTIAL, GENERATION, MAX_TS, START, type TileLayout } from './tile-layout.ts';
import { newNumbers } from './tile-memory.ts';

/**
 * Tiles of one (view, key, hop), ascending by start, in one flat bank: tile i has its numbers at `i * layout.numbers`
 * and its objects at `i * layout.objects`. Only non-empty tiles are present. Hot path: no allocation per tile.
 */
export interface TileRun extends Cells {
  length: number;
}

/** Of all runs whose tiles have none: never changed. */
export const NO_OBJECTS: unknown[] = [];

const NO_NUMBERS = new Float64Array(0);

/** An empty run with room for `capacity` tiles. */
export function emptyRun(layout: TileLayout, capacity = 0): TileRun {
  const objs = layout.objects === 0 ? NO_OBJECTS : new Array<unknown>(capacity * layout.objects);
  return { length: 0, nums: capacity === 0 ? NO_NUMBERS : newNumbers(capacity * layout.numbers), objs };
}

/** Makes room for exactly this many more tiles. */
export function makeRoom(run: TileRun, layout: TileLayout, tiles: number): void {
  const wanted = (run.length + tiles) * layout.numbers;
  if (wanted <= run.nums.length) return;
  const grown = newNumbers(wanted);
  grown.set(run.nums.subarray(0, run.length * layout.numbers));
  run.nums = grown;
}

/** Takes all tiles out of a run that tiles are gathered in, into memory of their size; the run keeps its room. */
export function takeTiles(run: TileRun, layout: TileLayout): TileRun {
  const taken = emptyRun(layout);
  makeRoom(taken, layout, run.length);
  taken.nums.set(run.nums.subarray(0, run.length * layout.numbers));
  if (layout.objects > 0) {
    taken.objs = run.objs;
    taken.objs.length = run.length * layout.objects;
    run.objs = [];
  }
  taken.length = run.length;
  run.length = 0;
  return taken;
}

/** Index of the first tile whose start is at or after `start`; `run.length` if there is none. */
export function lowerBound(run: TileRun, layout: TileLayout, start: number): number {
  const { nums } = run;
  const stride = layout.numbers;
  let low = 0;
  let high = run.length;
  if (high === 0 || nums[START] >= start) return 0;
  const first = nums[START];
  const last = nums[(high - 1) * stride + START];
  if (last < start) return high;
  // Tiles of a busy key follow each other without a gap: then the place is where their starts say.
  const guess = Math.ceil(((start - first) / (last - first)) * (high - 1));
  if (nums[guess * stride + START] >= start) {
    if (nums[(guess - 1) * stride + START] < start) return guess;
    high = guess;
  } else low = guess + 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (nums[middle * stride + START] < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the tile that starts at `start`, inserted empty (n = 0, generation as given) if absent. */
export function tileAt(run: TileRun, layout: TileLayout, start: number, generation: number): number {
  const stride = layout.numbers;
  // Events come in order of time, more or less: most belong to the newest tile.
  if (run.length > 0 && run.nums[(run.length - 1) * stride + START] === start) return run.length - 1;
  const index = lowerBound(run, layout, start);
  if (index < run.length && run.nums[index * stride + START] === start) return index;
  insertGap(run, layout, index);
  const at = index * stride;
  run.nums[at + START] = start;
  run.nums[at + COUNT] = 0;
  run.nums[at + MAX_TS] = Number.NEGATIVE_INFINITY;
  run.nums[at + GENERATION] = generation;
  for (const { aggregate, num, obj } of layout.partials) aggregate.prepare(run, at + num, index * layout.objects + obj);
  return index;
}

/** Copies tile `index` of `from` over tile `at` of `into`; they share no memory afterwards. */
export function copyTile(layout: TileLayout, into: TileRun, at: number, from: TileRun, index: number): void {
  const { numbers, objects, partials } = layout;
  const n = at * numbers;
  const fn = index * numbers;
  for (let i = 0; i < FIRST_PARTIAL; i += 1) into.nums[n + i] = from.nums[fn + i];
  for (const { aggregate, num, obj } of partials) {
    aggregate.clone(into, n + num, at * objects + obj, from, fn + num, index * objects + obj);
  }
}

/** Appends a copy of a tile that starts after all of `into`. */
export function appendTile(layout: TileLayout, into: TileRun, from: TileRun, index: number): void {
  insertGap(into, layout, into.length);
  copyTile(layout, into, into.length - 1, from, index);
}

/** Appends an uninitialised tile and gives its index: for decoders, which fill every slot. */
export function appendSlot(layout: TileLayout, into: TileRun): number {
  insertGap(into, layout, into.length);
  return into.length - 1;
}

/** Drops the first `count` tiles. */
export function dropFirst(run: TileRun, layout: TileLayout, count: number): void {
  if (count <= 0) return;
  run.nums.copyWithin(0, count * layout.numbers, run.length * layout.numbers);
  if (layout.objects > 0) run.objs.splice(0, count * layout.objects);
  run.length -= count;
}

function insertGap(run: TileRun, layout: TileLayout, index: number): void {
  const { numbers, objects } = layout;
  // One tile is what most keys have; those that get more get many.
  if ((run.length + 1) * numbers > run.nums.length) makeRoom(run, layout, Math.max(1, run.length));
  if (index < run.length) {
    run.nums.copyWithin((index + 1) * numbers, index * numbers, run.length * numbers);
  }
  if (objects > 0) {
    run.objs.length = Math.max(run.objs.length, (run.length + 1) * objects);
    if (index < run.length) run.objs.copyWithin((index + 1) * objects, index * objects, run.length * objects);
  }
  run.length += 1;
}
