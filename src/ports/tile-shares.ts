import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { TileRun } from '../features/tile/tile-run.ts';
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

/** A key whose tiles are to be read. */
export interface SharedKeyRead {
  readonly layout: TileLayout;
  readonly key: string;
}

/** The tiles of a key as they were read, for events to be added to them. */
export interface SharedKey extends SharedKeyRead {
  /** By hop of the view. */
  readonly runs: readonly TileRun[];
  /** By partition of the log, the offset up to which its events are in the tiles, where that is known. */
  readonly covers: readonly number[];
  /** Names the write that they are of; null: there are none. */
  readonly stamp: Uint8Array | null;
}

/** Tiles of a key with events that were added. */
export interface SharedAddition {
  readonly to: SharedKey;
  /** Those that have changed; `all` is set. */
  readonly tiles: readonly TileWrite[];
  /** As of the key, with these events. */
  readonly covers: readonly number[];
}

/** Where additions come from. */
export interface AddedFrom {
  readonly shares: readonly number[];
  /** As in a write. */
  readonly now: number;
}

/**
 * Several processes write the tiles of one store. Shares are assigned elsewhere; two processes that hold one for a moment do no
 * harm. There are two kinds. Where an engine makes the tiles, a share is one partition of every tile topic, whose tiles no other
 * share has. Where the processes make them, a share is one partition of the topic of every source: several shares have events of
 * one key. So its tiles are read, added to, and written only if nobody wrote them in between.
 *
 * Rules (each a case of `testing/contracts/tile-shares.ts`):
 *  1. a tile follows the versioned upsert, whoever writes it; the place of a share is never ahead of its tiles, over a crash too;
 *  2. a new owner of a share starts at the position of the last one; the last owner is rejected from then on, and moves nothing;
 *  3. the store's tiles are as fresh as its least fresh share, and are so only when all shares have said it;
 *  4. after a loss answers are degraded until each share is whole again; the position that `take` returns excludes lost tiles;
 *  5. nothing is written while the process that serves has not opened the store for the same shares: TILES_CLOSED;
 *  6. `add` writes a key if its tiles are those that were read, with the offsets that they cover; it returns the others, unchanged;
 *  7. `add` writes nothing from the moment that a share of the process is another's, or was lost.
 * Where one process wrote before, the shares of a log start at its position, and so does one that writes alone again.
 */
export interface TileShares {
  /**
   * Takes shares from whoever had them; gives where each is read on, null: from the begin. `distrust`: something was lost, and they
   * are not whole. Error: TILES_CLOSED.
   */
  take(shares: readonly number[], distrust: boolean): Promise<ReadonlyMap<number, SharePlace | null>>;
  /** Writes tiles, then the places; null: a share is not as this process left it, and is to be taken again. Error: TILES_CLOSED. */
  write(write: ShareWrite): Promise<TileReport | null>;
  /** Reads keys for events to be added. */
  load(keys: readonly SharedKeyRead[]): Promise<readonly SharedKey[]>;
  /**
   * Writes what was added to keys from some shares; gives those that another process has written since they were read. null: a share is
   * not as this process left it. Error: TILES_CLOSED.
   */
  add(additions: readonly SharedAddition[], from: AddedFrom): Promise<readonly SharedAddition[] | null>;
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
  /** How many shares there are: the partitions of each topic. */
  readonly shares: number;
  /** Where the processes make the tiles: the writer of a store that one process writes, whose position they continue. */
  readonly continues?: string;
}
