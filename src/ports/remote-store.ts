import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { TileRun } from '../features/tile/tile-run.ts';
import type { BatchAnswer, BatchRead, TileRead } from './online-store.ts';
import type { Position } from './position.ts';
import type { SharePlace } from './tile-shares.ts';

/** A key as its writer needs it before it adds to it. */
export interface LoadedKey {
  /** By hop of the view. */
  readonly runs: readonly TileRun[];
  /** The log position of the key's tiles, or its offsets in the topic of their source, if it may be ahead of the writer's position; null: it is the same. */
  readonly covers: Position | readonly number[] | null;
}

/** The reads of one request. */
export interface RequestRead {
  readonly tiles: readonly TileRead[];
  /** Keys of which the stored windows are wanted. */
  readonly windows: readonly WindowsRead[];
  readonly batch: readonly BatchRead[];
}

/** The merged windows of a key, as `features/window/stored-windows.ts` has them. */
export interface WindowsRead {
  readonly layout: TileLayout;
  readonly key: string;
}

/** The results of one request. */
export interface RequestAnswer {
  readonly runs: readonly TileRun[];
  /** null: the store does not have them, as of a key without tiles. */
  readonly windows: readonly (Uint8Array | null)[];
  readonly batch: readonly (BatchAnswer | null)[];
  /** Whether the store may have lost what it acknowledged, and has not been caught up since. */
  readonly degraded: boolean;
  /** Whatever arrived before this instant, epoch ms, is in the tiles; -Infinity before the first commit. */
  readonly freshUntil: number;
}

/**
 * The additional rules of a store behind a network. It answers later, its commits are not one transaction, and it may
 * lose acknowledged writes (asynchronous replication, a flush, a restore).
 *
 * Rules (each a case of `testing/contracts/remote-store.ts`):
 *  1. `read` takes one round trip; its `degraded` holds for every returned tile; a key may be read twice in it;
 *  2. a commit that was cut short leaves keys ahead of the position: `load` returns the log position of each key, so that
 *     reading the log again adds nothing twice;
 *  3. after a loss `verify` says lost, commits fail with STORE_LOST, and answers are degraded, until `rewind` and, when the
 *     writer has caught up, `confirm`; the position that `rewind` leaves is not ahead of any tile;
 *  4. other processes receive the keys that one process shares as hot, until their time is over;
 *  5. a read during a commit waits for it, and does not count as a loss;
 *  6. the stored windows of a key are those of its stored tiles, or are absent.
 */
export interface RemoteStore {
  read(request: RequestRead): Promise<RequestAnswer>;
  load(
    writer: string,
    keys: readonly { readonly layout: TileLayout; readonly key: string }[],
  ): Promise<readonly LoadedKey[]>;
  /** Looks whether all that was acknowledged is there, and says to readers up to when the tiles are fresh, epoch ms. */
  verify(freshUntil: number): Promise<'whole' | 'lost'>;
  /** Accepts the store as it is, as not whole; `position` is then the position to read the log from. */
  rewind(): Promise<void>;
  /** Says to readers that the tiles are whole again. */
  confirm(): Promise<void>;
  /** The freshness of the tiles for readers: the least of all nodes; -Infinity if none has reported it. */
  freshUntil(): Promise<number>;
  /** Where many processes make the tiles: by share, where it is read on; null: nowhere yet. */
  sharePlaces(): Promise<readonly (SharePlace | null)[]>;
  /** Keeps these processes from writing until `confirm`; `forgets`: where they stood, too, so that they begin with the log. */
  closeShares(forgets: boolean): Promise<void>;
  /** Reports hot names to all processes, for this many ms; returns the names that any process reported. */
  shareHot(names: readonly string[], forMs: number): Promise<readonly string[]>;
}
