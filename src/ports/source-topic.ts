import type { HeadraceError } from '../base/errors/fail.ts';
import type { LogRecord } from './event-log.ts';

/** A record of a topic that other services write. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  /** null: a tombstone, which is not an event. */
  readonly value: Uint8Array | null;
  /** As an event log wrote it; absent: the record has another form. */
  readonly logged?: LogRecord;
}

/** The position of a member in one of its lives: positions of an earlier life are not committed. */
export interface TopicPlaces {
  readonly life: number;
  /** Offset by partition. */
  readonly offsets: ReadonlyMap<number, number>;
}

/** Some records of a member's partitions, and the next position in each. */
export interface TopicBatch {
  readonly records: readonly TopicRecord[];
  /** The position after the records: commit it once the records are ingested. */
  readonly next: TopicPlaces;
  /** Faults to report: TOPIC_LOST, TOPIC_REMADE, TOPIC_PARTITIONS. */
  readonly told: readonly HeadraceError[];
  /** Records that were gone before anybody read them. */
  readonly lost: number;
}

/** How far a partition that a member has is behind, in records. */
export interface TopicLag {
  readonly partition: number;
  /** Between what the group has committed and the end. */
  readonly behind: number;
}

/**
 * A topic that other services write in their own way, read as a member of a group that shares its partitions.
 *
 * Rules (cases of `testing/contracts/source-topic.ts`):
 *  1. the records of a partition come in its order, each once while the member has the partition;
 *  2. a new owner of a partition starts at the group's committed position, or at its beginning if there is none;
 *  3. `commit` never moves a partition that is not the member's, and the next member gets uncommitted records again;
 *  4. a read waits this many ms for a first record, and returns an empty batch when its time is over;
 *  5. records that were deleted before they were read are counted and reported as lost, and the read continues after them;
 *  6. a read or commit that fails has changed nothing: it may be called again;
 *  7. `close` leaves the group, and the others get its partitions.
 */
export interface SourceTopic {
  /** Its name in messages. */
  readonly name: string;
  /** Errors: TOPIC_ABSENT, TOPIC_DENIED, TOPIC_UNREACHABLE. */
  read(waitMs: number): Promise<TopicBatch>;
  /** Errors: as of a read. */
  commit(places: TopicPlaces): Promise<void>;
  /** The last known state, without a request. */
  lag(): readonly TopicLag[];
  close(): Promise<void>;
}
