import type { MaybePromise } from '../base/maybe-promise.ts';
import type { Clock } from '../base/time.ts';
import type { Tracer } from '../base/tracer.ts';
import type { SchemaTexts } from '../features/change/source-schemas.ts';
import type { OnDemandViewData, ProjectData } from '../features/define/declaration.ts';
import type { QueueReport } from '../observe/queue-report.ts';
import type { DeliverySink } from '../ports/delivery-sink.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { HistoryEngine } from '../ports/history-engine.ts';
import type { OfflineStore, TableAppend } from '../ports/offline-store.ts';
import type { OnlineStore } from '../ports/online-store.ts';
import type { TileTopics } from '../ports/tile-topics.ts';
import type { VectorProfiles } from '../ports/vector-profiles.ts';
import type { ViewScorer } from './batch/scored-view.ts';
import type { DiskBudget } from './disk/disk-budget.ts';
import type { SampleRoom } from './skew/sampled-rows.ts';

export interface FeatureStoreOptions {
  readonly project: ProjectData;
  /** Columns that rows of the log may have been written under; default: only the declared ones. */
  readonly schemas?: SchemaTexts;
  readonly log: EventLog;
  readonly online: OnlineStore;
  readonly offline: OfflineStore;
  /** Where another engine writes the tiles; absent: this process computes them. */
  readonly topics?: TileTopics | undefined;
  /** Whether other processes write those tiles to the online store. */
  readonly apart?: boolean;
  /** The engine that computes over the history; absent: the offline store itself. */
  readonly engine?: HistoryEngine | undefined;
  readonly partitions: number;
  /** The most bytes of data in memory that grow with keys. */
  readonly memoryBytes: number;
  /** The most bytes of events, tiles and sampled vectors that wait for the history; absent: their share of the memory. */
  readonly mostWaitingBytes?: number;
  /** Bytes of other parts of the process in this memory, by part. */
  readonly alsoInMemory?: () => Readonly<Record<string, number>>;
  /** Rows of other parts that wait for the history. */
  readonly otherQueues?: () => readonly QueueReport[];
  /** The most bytes that queries of the offline store take; absent: it takes none of this process. */
  readonly historyMemoryBytes?: number;
  readonly sampleRate: number;
  /** The memory for rows of the sample until they are published, also those that `drainFed` returns; absent: as for the history. */
  readonly sampled?: SampleRoom;
  /** Prefix of scratch files; absent: instants before the first run of a batch view have nulls from it. */
  readonly scratch?: string;
  /** Take every served vector; null or absent: nothing is profiled. */
  readonly profiles?: VectorProfiles | null;
  /** Returns the model inputs logged since the last call. They are published with the vectors that they came from. */
  readonly drainFed?: () => readonly TableAppend[];
  /** `historyBytes` is the budget of each table of the offline store. */
  readonly retention: { readonly logAgeMs: number; readonly logBytes: number; readonly historyBytes: number };
  /** Absent: a day may add any number of bytes. */
  readonly disk?: DiskBudget;
  readonly clock: Clock;
  /** Receive every delivery once, judged, after the tiles and the history have it. */
  readonly sinks?: readonly DeliverySink[];
  /** Scores the requests of scored views; without it they do not run. */
  readonly scorer?: ViewScorer;
  /** Further topics of the log that are trimmed with those of the sources. */
  readonly otherTopics?: readonly LoggedTopic[];
  /** Other readers of the sources' topics: the log keeps the records that they have not read. */
  readonly otherReaders?: readonly LoggedTopic[];
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
  /** Receives failures of background work. */
  readonly onFault?: (error: unknown) => void;
  /** null or absent: nothing is traced. */
  readonly tracer?: Tracer | null;
}

/** A topic of the log, and the first offsets, by partition, that a restart of its readers has to read. */
export interface LoggedTopic {
  readonly topic: string;
  readonly keepFrom: () => MaybePromise<readonly number[]>;
}

/** How a backfill is followed and ended. */
export interface BackfillRun {
  /** Receives the progress of an engine, in words. */
  readonly onProgress?: (text: string) => void;
  /** Switches to the run of a batch view however many keys it lacks. */
  readonly acceptLoss?: boolean;
  /** Ends it with JOB_CANCELLED: a stream view between two batches of tiles, a batch view before its run. */
  readonly signal?: AbortSignal;
}
