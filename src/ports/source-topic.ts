import type { HeadraceError } from '../base/errors/fail.ts';

/** A record of a topic that other services write. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  /** null: a tombstone, which tells of no event. */
  readonly value: Uint8Array | null;
}

/** Where a member goes on, as of one of its lives: of an earlier one nothing is committed. */
export interface TopicPlaces {
  readonly life: number;
  /** Offset by partition. */
  readonly offsets: ReadonlyMap<number, number>;
}

/** Some records of the partitions that a member has, and where it goes on in each of those. */
export interface TopicBatch {
  readonly records: readonly TopicRecord[];
  /** Behind what was read: what to commit once the records are taken. */
  readonly next: TopicPlaces;
  /** What is to be told of the topic: TOPIC_LOST, TOPIC_REMADE, TOPIC_PARTITIONS. */
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
 *  2. who gets a partition begins where the group has committed, at its begin where nobody has;
 *  3. `commit` never moves a partition that is not the member's, and what was read and not committed comes again to the next;
 *  4. a read waits so many ms for a first record, and gives an empty batch when its time is over;
 *  5. records that are gone before they were read are counted as lost and told of, and the read goes on behind them;
 *  6. a read or commit that fails has changed nothing: it may be called again;
 *  7. `close` leaves the group, and the others get its partitions.
 */
export interface SourceTopic {
  /** What messages call it. */
  readonly name: string;
  /** Errors: TOPIC_ABSENT, TOPIC_DENIED, TOPIC_UNREACHABLE. */
  read(waitMs: number): Promise<TopicBatch>;
  /** Errors: as of a read. */
  commit(places: TopicPlaces): Promise<void>;
  /** As of what was last heard, without asking. */
  lag(): readonly TopicLag[];
  close(): Promise<void>;
}
