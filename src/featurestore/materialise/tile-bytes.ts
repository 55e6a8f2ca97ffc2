import { objectBytes } from '../../base/object-bytes.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { WindowMemo } from '../../features/window/window-memo.ts';

// Bytes of memory by kind of object, in V8 without compressed pointers. Measured: test/featurestore/key-memory.test.ts
// compares them with real heaps.

/** A key: its record, its place in a map and the head of its text. */
const KEY = 320;

/** A run: its record, and the view of its numbers. */
const RUN = 240;

/** More numbers than this have their own buffer. */
const SLAB_NUMBERS = 32;
const OWN_BUFFER = 200;

/** Windows that a reader has merged, without their numbers. */
const MERGED = 420;

/** Answers that are kept, without the answers. */
const ANSWERS = 260;

/** An answer, with its share of the text that JSON answers are made of. */
const ANSWER = 56;

const SLOT = 8;

/** Bytes of a key's tiles, without the values that readers derived. */
export function tileBytes(layout: TileLayout, key: string, runs: readonly TileRun[]): number {
  return numberBytes(key, runs) + objectsOf(layout, runs);
}

/** Bytes of a key and the numbers of its tiles. Hot path. */
export function numberBytes(key: string, runs: readonly TileRun[]): number {
  let bytes = KEY + 2 * key.length;
  for (let hop = 0; hop < runs.length; hop += 1) {
    const { nums } = runs[hop];
    bytes += RUN + nums.length * SLOT;
    if (nums.length > SLAB_NUMBERS) bytes += OWN_BUFFER;
  }
  return bytes;
}

/** Bytes of the objects of a key's tiles. Takes as long as there are members. */
export function objectsOf({ objects }: TileLayout, runs: readonly TileRun[]): number {
  return objects === 0 ? 0 : runs.reduce((bytes, { objs }) => bytes + objectBytes(objs), 0);
}

/** Bytes of the values that readers derived from a key's tiles. Hot path. */
export function memoBytes({ answers, merged }: WindowMemo): number {
  let bytes = 0;
  if (answers !== null) for (let i = 0; i < answers.length; i += 1) bytes += answers[i].shareBytes + SLOT;
  for (let kept = merged; kept !== null; kept = kept.next)
    bytes += MERGED + (kept.nums.length + kept.objs.length) * SLOT + kept.objectBytes;
  return bytes;
}

/** The share of each of the tiles behind kept answers. */
export function answersShare(features: number, lookups: number): number {
  return Math.ceil((ANSWERS + features * ANSWER) / lookups);
}
