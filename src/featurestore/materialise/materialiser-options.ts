import type { Clock } from '../../base/time.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { DeliverySink } from '../../ports/delivery-sink.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileTopics } from '../../ports/tile-topics.ts';
import type { RowsOf } from '../ingest/source-rows.ts';
import type { SeeChanges } from './key-tiles.ts';
import type { TilesApart } from './tile-origin.ts';
import type { TakeUnreadable } from './unreadable-records.ts';

export interface MaterialiserOptions {
  readonly log: EventLog;
  readonly store: OnlineStore;
  /** Tiles that another engine computes from the log; absent: they are computed here. */
  readonly topics?: TileTopics | undefined;
  /** Set if other processes write the tiles of `topics` to the store: this process takes them for the history alone. */
  readonly apart?: TilesApart | undefined;
  /** Whether other processes make the tiles of the log and write them to the store: this process judges it. */
  readonly shared?: boolean | undefined;
  readonly sources: readonly EventSourceData[];
  readonly rowsOf: RowsOf;
  readonly layouts: readonly TileLayout[];
  /** The most bytes of tiles in memory. */
  readonly memoryBytes: number;
  /** Bytes of other parts of the process in this memory, by part. */
  readonly alsoInMemory?: (() => Readonly<Record<string, number>>) | undefined;
  /** Room in the queue of the history: null, or what a reader of the log waits for. */
  readonly room?: () => Promise<void> | null;
  /** Receive every delivery once, judged, after the tiles have it. */
  readonly sinks?: readonly DeliverySink[];
  /** Called once for each changed tile, before it is written. */
  readonly changed?: SeeChanges;
  /** Log clock up to which the tiles have reached the offline store: those after it are kept in memory and store. */
  readonly archivedUpTo?: () => number;
  readonly clock: Clock;
  /** Receives each record of a shared log that cannot be read. */
  readonly unreadable?: TakeUnreadable;
  /** Receives failures of background work. */
  readonly onFault?: (error: unknown) => void;
  /** Called when the log was read again after a loss of a remote store: fills tiles that the log no longer covers. */
  readonly rewound?: () => Promise<void>;
}

/** A place in the log: some store has everything before it. */
export interface LogPlace {
  readonly position: Position;
  /** The log clock there. */
  readonly clock: number;
}
