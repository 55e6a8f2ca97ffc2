import { ByteWriter } from '../../base/bytes.ts';
import { encodeTile } from './tile-codec.ts';
import { COUNT, GENERATION, START, type TileLayout } from './tile-layout.ts';
import { copyTile, lowerBound, type TileRun, tileAt } from './tile-run.ts';
import { compareVersion } from './version.ts';

/** The outcome of a versioned write. `conflict`: equal version with other content, the stored tile is kept. */
export type UpsertOutcome = 'applied' | 'duplicate' | 'stale' | 'conflict';

/**
 * The store's only write: a tile replaces the stored one if its version is greater; equal version and content is a
 * duplicate, equal version with other content a conflict, a smaller version stale. A refused write changes nothing.
 */
export function upsertTile(layout: TileLayout, stored: TileRun, from: TileRun, index: number): UpsertOutcome {
  const at = index * layout.numbers;
  const start = from.nums[at + START];
  const held = lowerBound(stored, layout, start);
  const heldAt = held * layout.numbers;
  if (held < stored.length && stored.nums[heldAt + START] === start) {
    const order = compareVersion(
      from.nums[at + GENERATION],
      from.nums[at + COUNT],
      stored.nums[heldAt + GENERATION],
      stored.nums[heldAt + COUNT],
    );
    if (order < 0) return 'stale';
    if (order === 0) return equalTiles(layout, stored, held, from, index) ? 'duplicate' : 'conflict';
    copyTile(layout, stored, held, from, index);
    return 'applied';
  }
  copyTile(layout, stored, tileAt(stored, layout, start, from.nums[at + GENERATION]), from, index);
  return 'applied';
}

const left = new ByteWriter();
const right = new ByteWriter();

/** Whether two tiles hold the same, by their canonical bytes. */
export function equalTiles(layout: TileLayout, a: TileRun, i: number, b: TileRun, j: number): boolean {
  left.clear();
  right.clear();
  encodeTile(left, layout, 1, a, i);
  encodeTile(right, layout, 1, b, j);
  const [x, y] = [left.view(), right.view()];
  return x.length === y.length && x.every((byte, k) => byte === y[k]);
}
