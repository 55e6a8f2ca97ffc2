import type { TileWrite } from './online-store.ts';
import type { Position } from './position.ts';

/** Where topics begin and end, by topic and partition. */
export interface TopicEnds {
  readonly begins: Position;
  readonly ends: Position;
}

/** Some tiles of the topics, and the next position. */
export interface TileBatch {
  readonly tiles: readonly TileWrite[];
  /** The position after these tiles. */
  readonly next: Position;
  /** Whether the topics had more when they were asked. */
  readonly hasMore: boolean;
}

/**
 * Tiles that another engine computes from the log, as topics that are read by offset. Each tile is written whole whenever it
 * changes.
 *
 * Rules (cases of `testing/contracts/tile-topics.ts`):
 *  1. a read returns the tiles from a position, those of a key in write order; offsets grow, not always by one: a tile that a
 *     newer one of its key replaced may be missing;
 *  2. the last tile of a key is never missing while a window of its view can reach it;
 *  3. the engine writes tiles again after a failure: versions show which is newer;
 *  4. the tiles of everything before the position of its reader `engine` are in the topics;
 *  5. a read may wait: it returns a new tile as soon as it is written, and an empty batch when its time is over;
 *  6. a read of some partitions returns their tiles; the positions of the others do not change.
 */
export interface TileTopics {
  /** The name under which the engine's position stands in the event log. */
  readonly engine: string;
  ends(): Promise<TopicEnds>;
  /** Where the topics ended when that was last heard, without asking. */
  knownEnds(): Position;
  /** Waits up to this many ms (default 0) for a first tile, of these partitions of each topic (default: all). */
  read(from: Position, waitMs?: number, partitions?: readonly number[]): Promise<TileBatch>;
  close(): Promise<void>;
}
