import type { MaybePromise } from '../base/maybe-promise.ts';
import type { LogRecord } from './event-log.ts';
import type { SourceTopic } from './source-topic.ts';
import type { ShareGroup } from './tile-shares.ts';

/** An output as a lane keeps it. */
export interface LaneRecord extends LogRecord {
  /** For readers that do not parse the payload: model, version, digest, plan. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The position of a partition of a lane after its last commit. */
export interface LanePosition {
  /** The next offset of the input. */
  readonly next: number;
  /** The owner's state as of the commit, as the owner encoded it. */
  readonly state: Uint8Array;
}

/** The change of one transaction. */
export interface LaneCommit extends LanePosition {
  readonly records: readonly LaneRecord[];
}

/** A partition of a lane in the hands of the owner that fenced it last. */
export interface FencedPartition {
  /** As the last commit left it; null: there is none. */
  readonly left: LanePosition | null;
  /** Whether another process may fence it: then a failed commit is in doubt until the next fence. */
  readonly isShared: boolean;
  commit(change: LaneCommit): MaybePromise<void>;
  /** Gives it up; the last commit stays. */
  close(): MaybePromise<void>;
}

/**
 * One lane of a stream's outputs, which several processes write: each partition by one owner at a time.
 *
 * Rules (each a case of `testing/contracts/stream-lanes.ts`):
 *  1. a commit is all or nothing: outputs, next offset and state;
 *  2. after a `fence` no earlier owner of the partition commits: STREAM_FENCED;
 *  3. `left` is the last commit: one that was on its way at the fence is whole or absent by then;
 *  4. partitions are independent of each other;
 *  5. after a failed commit that is in doubt, the next `fence` says whether it counted;
 *  6. the followers of one name get each output of a commit in the order of its partition, and continue at the committed place.
 */
export interface StreamLane {
  fence(partition: number): MaybePromise<FencedPartition>;
  close(): MaybePromise<void>;
}

/** The names of a lane. */
export interface LaneNames {
  /** The name under which its next offsets are known to others: a consumer group, where the log has some. */
  readonly reader: string;
  readonly inputTopic: string;
  /** The topic of outputs, which is open, and that of positions, which is made where it is absent. */
  readonly outputs: string;
  readonly positions: string;
  readonly partitions: number;
}

/** Streams on a log that several processes append to. */
export interface StreamLanes {
  /** Joins the processes that divide the partitions of a stream's input. */
  join(reader: string, inputTopic: string): MaybePromise<ShareGroup>;
  /** Errors: those of the log. */
  open(names: LaneNames): MaybePromise<StreamLane>;
  /** Joins the processes that read the outputs of a lane; records of commits that do not count are left out. */
  follow(reader: string, outputs: string): MaybePromise<SourceTopic>;
  /** How many partitions a topic has now; the log itself knows those that it was opened with. */
  partitionsOf(topic: string): MaybePromise<number>;
  close(): MaybePromise<void>;
}
