import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { TileRun } from '../features/tile/tile-run.ts';
import type { BatchAnswer, BatchRead, TileRead } from './online-store.ts';
import type { Position } from './position.ts';

/** A key as its writer needs it before it adds to it. */
export interface LoadedKey {
  /** By hop of the view. */
  readonly runs: readonly TileRun[];
  /** Up to where the key's tiles have the log, if that is beyond the writer's position; null: they stand with it. */
  readonly covers: Position | null;
}

/** What is asked for one request. */
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

/** What one request reads. */
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
 * What a store behind a network has beside the rest of the port: it answers later, its commits are not one transaction, and
 * it may lose what it acknowledged (asynchronous replication, a flush, a restore).
 *
 * Rules (each a case of `testing/contracts/remote-store.ts`):
 *  1. `read` takes one round trip; what it says of `degraded` holds for every tile it gives; a key may be read twice in it;
 *  2. a commit that was cut short leaves keys ahead of the position: `load` says up to where each key has the log, so that
 *     reading the log again adds nothing twice;
 *  3. after a loss `verify` says lost, commits fail with REDIS_LOST, and answers are degraded, until `rewind` and, when the
 *     writer has caught up, `confirm`; the position that `rewind` leaves is not ahead of any tile;
 *  4. what one process shares as hot others hear, until its time is over;
 *  5. what is asked for amid a commit waits for it, and is not taken for a loss;
 *  6. the stored windows of a key are those of the tiles that stand beside them, or are not there.
 */
export interface RemoteStore {
  read(request: RequestRead): Promise<RequestAnswer>;
  load(
    writer: string,
    keys: readonly { readonly layout: TileLayout; readonly key: string }[],
  ): Promise<readonly LoadedKey[]>;
  /** Looks whether all that was acknowledged is there, and says to readers up to when the tiles are fresh, epoch ms. */
  verify(freshUntil: number): Promise<'whole' | 'lost'>;
  /** Takes the store as it is found, as not whole; `position` then says from where the log is to be read. */
  rewind(): Promise<void>;
  /** Says to readers that the tiles are whole again. */
  confirm(): Promise<void>;
  /** What readers are told of how fresh the tiles are, by the node that says least; -Infinity where nobody has said it. */
  freshUntil(): Promise<number>;
  /** Tells all processes that names are hot, for so many ms; gives those that any told. */
  shareHot(names: readonly string[], forMs: number): Promise<readonly string[]>;
}
