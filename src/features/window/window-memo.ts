import { objectBytes } from '../../base/object-bytes.ts';
import type { Value } from '../../schema/column.ts';
import type { TileLayout } from '../tile/tile-layout.ts';
import { NO_OBJECTS, type TileRun } from '../tile/tile-run.ts';
import type { WindowReader } from './window-reader.ts';

/** The cached merges of a key's tiles, by reader. A caller that changes a tile calls {@link tileChanged}. */
export interface WindowMemo {
  /** Answers that these tiles, and others, gave; null: none. */
  answers: KeptAnswers[] | null;
  /** The cache of one reader, linked to those of the others; null: nothing. */
  merged: MergedWindows | null;
}

/** The tiles of one key. */
export interface ReadTiles extends WindowMemo {
  /** By hop of the view. */
  readonly runs: readonly TileRun[];
}

/**
 * Answers that stay valid while none of their tiles changes, for instants in [from, until). There is one object for an owner
 * and key, which is refilled; all its tiles refer to it.
 */
export interface KeptAnswers {
  /** The owner. */
  readonly owner: object;
  /** Of the tiles' source, when they were kept. */
  epoch: number;
  from: number;
  /** -Infinity once one of their tiles changed. */
  until: number;
  /** undefined where there is no exact answer. */
  readonly values: (Value | undefined)[];
  /** Of these values, by lookup of the owner; null: they were not asked for again. */
  texts: KeptText[] | null;
  /** Bytes of memory for each of their tiles, about. */
  readonly shareBytes: number;
}

/** The cached JSON of the answers; null: nothing. Replaced when they change, so that an earlier vector cannot write to it. */
export interface KeptText {
  text: string | null;
}

/**
 * The partials of a reader's windows up to the tile at their right edge, kept for its next read of the key. One block of memory, since
 * a read of a key that was not read lately waits for each.
 */
export interface MergedWindows {
  readonly reader: WindowReader;
  /** The cache of another reader of the key. */
  readonly next: MergedWindows | null;
  /**
   * By window, in the layout of a tile: the number of tiles and the start of the span in place of start and generation (NaN:
   * nothing is cached of the window). The last number is the end of all spans.
   */
  readonly nums: Float64Array;
  readonly objs: unknown[];
  /** Bytes of memory of the objects by window, about; null: the layout has none. */
  readonly sizes: Float64Array | null;
  /** Bytes of memory of all objects, about. */
  objectBytes: number;
}

/** The merge of at least this many tiles is cached: fewer are as fast to merge again, and need no memory. */
export const KEEP_MERGED_FROM = 8;

/** Gives up what was made of a tile of the view's smallest hop that changed, or was added, at `start`. Hot path. */
export function tileChanged(memo: WindowMemo, start: number): void {
  const { answers } = memo;
  if (answers !== null) for (let i = 0; i < answers.length; i += 1) answers[i].until = Number.NEGATIVE_INFINITY;
  for (let kept = memo.merged; kept !== null; kept = kept.next) {
    if (!(start < kept.nums[kept.nums.length - 1])) continue;
    memo.merged = null;
    return;
  }
}

/** The cached answers of an owner for a key, valid or not; null if there are none. Hot path. */
export function keptBy(owner: object, { answers }: WindowMemo): KeptAnswers | null {
  if (answers === null) return null;
  for (let i = 0; i < answers.length; i += 1) if (answers[i].owner === owner) return answers[i];
  return null;
}

/** Whether kept answers hold at `q`. Hot path. */
export function holds(kept: KeptAnswers, q: number, epoch: number): boolean {
  return kept.from <= q && q < kept.until && kept.epoch === epoch;
}

/** Tells the tiles of a key of answers that they are behind, in place of those that the owner kept with them before. */
export function keepWith(kept: KeptAnswers, memo: WindowMemo): void {
  const { answers } = memo;
  if (answers === null) {
    memo.answers = [kept];
    return;
  }
  for (let i = 0; i < answers.length; i += 1) {
    if (answers[i].owner !== kept.owner) continue;
    answers[i] = kept;
    return;
  }
  answers.push(kept);
}

/** The reader's cached merge of the key; null if there is none. Hot path. */
export function mergedBy(reader: WindowReader, { merged }: WindowMemo): MergedWindows | null {
  let found = merged;
  while (found !== null && found.reader !== reader) found = found.next;
  return found;
}

/** Room for what the reader merges. */
export function newMerged(reader: WindowReader, layout: TileLayout, memo: WindowMemo): MergedWindows {
  const windows = reader.windows.length;
  const merged: MergedWindows = {
    reader,
    next: memo.merged,
    nums: new Float64Array(windows * layout.numbers + 1).fill(Number.NaN),
    objs: layout.objects === 0 ? NO_OBJECTS : new Array(windows * layout.objects).fill(null),
    sizes: layout.objects === 0 ? null : new Float64Array(windows),
    objectBytes: 0,
  };
  memo.merged = merged;
  return merged;
}

/** Notes how large the objects of a window are that was just merged. */
export function weighMerged(merged: MergedWindows, { objects }: TileLayout, window: number): void {
  const { sizes, objs } = merged;
  if (sizes === null) return;
  let bytes = 0;
  for (let i = window * objects; i < (window + 1) * objects; i += 1)
    if (objs[i] !== null) bytes += objectBytes(objs[i]);
  merged.objectBytes += bytes - sizes[window];
  sizes[window] = bytes;
}
