import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { TileBatch } from '../../ports/tile-topics.ts';
import type { Verdicts } from '../ingest/ingest-report.ts';
import type { ViewKey } from './key-tiles.ts';
import type { SourceJudge, SourceState } from './source-judge.ts';
import type { TileCache } from './tile-cache.ts';
import type { EventGate, TileCommits } from './tile-commits.ts';
import type { WriterState } from './writer-state.ts';

/** Puts events and tiles into memory, and from there into the store: at once, or after their keys were fetched. */
export interface Committer extends EventGate {
  /** Catches up with the log, and with the tiles of an engine. Errors: those of the stores. */
  open(): Promise<void>;
  /** Takes deliveries that were just appended to the log, and returns their verdicts; undefined: not judged yet. */
  offer(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): MaybePromise<Verdicts>;
  /** Takes deliveries that were read from the log, and commits if much waits. */
  take(state: SourceState, partition: number, offset: number, deliveries: readonly Delivery[]): MaybePromise<void>;
  /** Resolves when the keys of tiles may be changed; undefined: now. */
  hold(tiles: TileBatch['tiles']): Promise<void> | undefined;
  /** Commits if many tiles of an engine were taken. */
  relieve(): Promise<void>;
  /** Reads the log up to its present end. */
  pull(): Promise<void>;
  /** Takes the tiles that an engine has written; whether all were taken. */
  takeTiles(): Promise<boolean>;
  /** Events that arrived before this instant are in the tiles, epoch ms. */
  readonly freshUntil: number;
  close(): void;
}

/** Parts of the writer that a committer works with. */
export interface CommitterParts {
  readonly state: WriterState;
  readonly judge: SourceJudge;
  readonly tiles: TileCache;
  /** The keys that deliveries of a source change in `tiles`. */
  readonly keysOf: (source: EventSourceData, deliveries: readonly Delivery[]) => readonly ViewKey[];
  readonly commits: TileCommits;
  /** Judges deliveries that come next in their partition, adds them to the tiles, and counts them. */
  readonly apply: (state: SourceState, partition: number, deliveries: readonly Delivery[]) => Verdicts;
  /** Takes the tiles of an engine up to the present end of its topics, each batch through `hold` and `relieve`. */
  readonly readTiles: () => Promise<void>;
  /** Events that any process appended before this instant were looked for in the log, epoch ms. */
  readonly followedUntil: () => number;
}

/** Deliveries or tiles after which catching up commits: the changed tiles in memory are bounded. */
export const RELIEVE_AT = 50_000;
