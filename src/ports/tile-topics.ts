import type { TileWrite } from './online-store.ts';
import type { Position } from './position.ts';

/** Where topics begin and end, by topic and partition. */
export interface TopicEnds {
  readonly begins: Position;
  readonly ends: Position;
}

/** Some tiles of the topics, and where to go on. */
export interface TileBatch {
  readonly tiles: readonly TileWrite[];
  /** Behind these tiles. */
  readonly next: Position;
  /** Whether the topics had more when they were asked. */
  readonly hasMore: boolean;
}

/**
 * Tiles that another engine makes of the log, each written whole whenever it changes, as topics that are read by offset.
 *
 * Rules (cases of `testing/contracts/tile-topics.ts`):
 *  1. a read gives the tiles from a position on, of each key in the order they were written; offsets only grow, not by one: what
 *     a newer tile of its key replaced may be missing;
 *  2. the last tile of a key is never missing while a window of its view can reach it;
 *  3. the engine writes tiles anew after a failure: versions tell what is newer;
 *  4. where its reader `engine` stands in the log, all that came before has been written to the topics;
 *  5. a read may wait: it gives a tile that is written meanwhile when it is written, and an empty batch when its time is over;
 *  6. a read of some partitions gives what they have, and says of the others that they are where they were.
 */
export interface TileTopics {
  /** The name under which the engine's position stands in the event log. */
  readonly engine: string;
  ends(): Promise<TopicEnds>;
  /** Where the topics ended when that was last heard, without asking. */
  knownEnds(): Position;
  /** Waits up to so many ms for a first tile; left out: not at all. Of these partitions of each topic; left out: of all. */
  read(from: Position, waitMs?: number, partitions?: readonly number[]): Promise<TileBatch>;
  close(): Promise<void>;
}
