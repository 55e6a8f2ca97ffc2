import type { TileReport, TileWrite } from './online-store.ts';

/** Where one partition of every tile topic is read on, by topic. */
export type SharePlace = Readonly<Record<string, number>>;

/** A write of a process to its shares. */
export interface ShareWrite {
  readonly tiles: readonly TileWrite[];
  /** By share: where it is read on after these tiles. Of all that the process has taken. */
  readonly places: ReadonlyMap<number, SharePlace>;
  /** Whatever arrived before this instant, epoch ms, is in the tiles of these shares; null: what was said before stands. */
  readonly freshUntil: number | null;
  /** The present, epoch ms: what a store keeps merged is kept as of then. */
  readonly now: number;
  /** Whether the topics were read to their ends since these shares were taken: nothing that was lost is missing. */
  readonly isWhole: boolean;
}

/**
 * Several processes write the tiles of one store. A share is one partition of every tile topic, whose tiles no other share
 * has. Shares are assigned elsewhere; two processes that hold one for a moment do no harm.
 *
 * Rules (each a case of `testing/contracts/tile-shares.ts`):
 *  1. a tile follows the versioned upsert, whoever writes it; the place of a share is never ahead of its tiles, over a crash too;
 *  2. a new owner of a share starts at the position of the last one; the last owner is rejected from then on, and moves nothing;
 *  3. the store's tiles are as fresh as its least fresh share, and are so only when all shares have said it;
 *  4. after a loss answers are degraded until each share is whole again; the position that `take` returns excludes lost tiles;
 *  5. nothing is written while the process that serves has not opened the store for the same shares: TILES_CLOSED.
 */
export interface TileShares {
  /**
   * Takes shares from whoever had them; gives where each is read on, null: from the begin. `distrust`: something was lost, and they
   * are not whole. Error: TILES_CLOSED.
   */
  take(shares: readonly number[], distrust: boolean): Promise<ReadonlyMap<number, SharePlace | null>>;
  /** Writes tiles, then the places; null: a share is not as this process left it, and is to be taken again. Error: TILES_CLOSED. */
  write(write: ShareWrite): Promise<TileReport | null>;
  close(): Promise<void>;
}

/** The processes that write tiles, of which each has some shares. */
export interface ShareGroup {
  /** The current shares of this process; joins, again if it was removed. */
  shares(): Promise<readonly number[]>;
  /** Leaves: the others have its shares from then on. */
  close(): Promise<void>;
}

/** Between which processes the tiles of a store are divided. */
export interface ShareNames {
  /** The job that makes the tiles. */
  readonly engine: string;
  /** How many shares there are: the partitions of each tile topic. */
  readonly shares: number;
}
