import { fail } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';

/** One delivery as the log keeps it. `payload` is the encoded row (`schema/row-codec.ts`, or `schema/row-json.ts`). */
export interface LogRecord {
  /** Empty in a record that was blanked. */
  readonly id: string;
  /** Event time, epoch ms. */
  readonly ts: number;
  /** Stamped once by the gateway, epoch ms; it decreases within a partition only where the clock was set back. */
  readonly ingestTs: number;
  readonly payload: Uint8Array;
  /** Why nobody can read a record that somebody else wrote; its id is empty, its payload as it was found. */
  readonly foreign?: string;
}

/** The id and the times of a record; the id as UTF-8 in [idFrom, idTo) of the bytes, which is empty in a blank record. */
export interface RecordHead {
  readonly bytes: Uint8Array;
  readonly idFrom: number;
  readonly idTo: number;
  readonly ts: number;
  readonly ingestTs: number;
}

/** Records at the offsets [from, to), where there are any. */
export interface HeadSpan {
  readonly from: number;
  readonly to: number;
  /** Records that are seen at least, if the span has as many. */
  readonly least: number;
}

/** Takes the head of a record, which holds until it returns. */
export type SeeHead = (head: RecordHead, offset: number) => void;

export interface LogBatch {
  /** Offset of the first record; the records are dense from there. */
  readonly offset: number;
  readonly records: readonly LogRecord[];
}

/** The extent of a partition: offsets [begin, end), and the ingest time of its last record or the largest (-Infinity when empty). */
export interface PartitionEnds {
  readonly begin: number;
  readonly end: number;
  readonly lastIngestTs: number;
  readonly sizeBytes: number;
  /** Bytes after the end at opening that are not a whole append: torn, unless a store has seen them whole. */
  readonly rest?: { readonly path: string; readonly byte: number };
}

/** Which failure an acknowledged append survives: the process's death, or the machine's (power). */
export type LogDurability = 'memory' | 'process' | 'power';

export interface EventLogCapabilities {
  readonly durability: LogDurability;
  /** Whether several processes may append at once: what others append is then read, never offered. */
  readonly manyWriters: boolean;
  /** How the rows of payloads are written: compact, or as JSON where other engines read the log too. */
  readonly rows: 'compact' | 'json';
}

/**
 * The durable order of deliveries. One topic per event source, partitioned by hash of the event id
 * (`base/hash/partition-of.ts`), addressed by offset.
 *
 * Rules (each a case of `testing/contracts/event-log.ts`):
 *  1. offsets of a partition are dense, from 0, in append order; an append is all or nothing, also over a crash;
 *  2. a read from an offset gives the records from there, at most `max`, empty at the end, never beyond it;
 *  3. a read below `begin` (retention passed by) is LOG_TRIMMED, never a silent gap;
 *  4. ingest times never decrease within an append: one in which they would is LOG_ORDER. A later append may have earlier ones;
 *  5. an acknowledged append survives what `capabilities.durability` says; a torn or corrupt tail is cut back to the last
 *     whole append on open and reported; damage before the tail is LOG_CORRUPT, never skipped in silence;
 *  6. a named reader's committed position is what it last committed, over restarts too; null before the first;
 *  7. retention drops whole oldest segments only, by age and by bytes, never past `keepFrom`;
 *  8. opening a log for writing twice is LOG_LOCKED;
 *  9. `offsetAtIngest` gives the first offset whose ingest time is at or after the instant (`end` if none), whatever follows it;
 * 10. `blank` keeps offset and ingest time of each chosen record: id and payload are empty, the event time is 0, and no
 *     file has the bytes; appends and reads continue, records appended after the call began are not chosen, and after a
 *     crash each record is as before or blank;
 * 11. `restamp` changes ingest times, and nothing else of a record; they may then decrease. After a crash each record has its
 *     old or its new one;
 * 12. `beginAt` lets a topic without a record begin at later offsets, over restarts too: appends continue there, a read before is LOG_TRIMMED;
 * 13. `eachHead` gives the ids and times of the records that `read` gives; the next call resumes where it ended.
 */
export interface EventLog {
  readonly capabilities: EventLogCapabilities;
  /** Makes the topic if absent; the number of partitions of an existing one must be equal (LOG_PARTITIONS). */
  openTopic(topic: string, partitions: number): MaybePromise<void>;
  /** Appends in order, giving the offset of the first record; returns when the append is as durable as the log promises. */
  append(topic: string, partition: number, records: readonly LogRecord[]): MaybePromise<number>;
  read(topic: string, partition: number, offset: number, max: number): MaybePromise<LogBatch>;
  /** Calls `see` with the heads of a span's first records: `least` of them, and the rest of the last append. Gives how many. A log without it is read. */
  eachHead?(topic: string, partition: number, span: HeadSpan, see: SeeHead): number;
  ends(topic: string): MaybePromise<readonly PartitionEnds[]>;
  /** The last known ends of the partitions, without a request; absent in a log that only this process appends to. */
  knownEnds?(topic: string): readonly number[];
  offsetAtIngest(topic: string, partition: number, ingestTs: number): MaybePromise<number>;
  commit(reader: string, topic: string, offsets: readonly number[]): MaybePromise<void>;
  committed(reader: string, topic: string): MaybePromise<readonly number[] | null>;
  /** Drops records older than `olderThanIngestTs` or beyond `maxBytes` per topic, keeping every offset >= keepFrom[partition]. */
  retain(
    topic: string,
    rule: { olderThanIngestTs: number; maxBytes: number; keepFrom: readonly number[] },
  ): MaybePromise<void>;
  /** Blanks the records that `which` says, of those that the partition had when it was called; gives how many it found that were not blank. A log without it cannot forget. */
  blank?(topic: string, partition: number, which: (record: LogRecord, offset: number) => boolean): MaybePromise<number>;
  /** Gives records the ingest times that `stampOf` says, while nobody appends; gives how many changed. A log without it keeps them. */
  restamp?(
    topic: string,
    partition: number,
    stampOf: (record: LogRecord, offset: number) => number,
  ): MaybePromise<number>;
  /** Lets a topic without a record begin at these offsets, which are not before its present ones. A log without it begins with its first record. */
  beginAt?(topic: string, offsets: readonly number[]): MaybePromise<void>;
  close(): MaybePromise<void>;
}

/** The last ingest time of an append; -Infinity without records. Error: LOG_ORDER. Hot path. */
export function mustNotDecrease(topic: string, partition: number, records: readonly LogRecord[]): number {
  let last = Number.NEGATIVE_INFINITY;
  for (const { ingestTs } of records) {
    if (!(ingestTs >= last)) throw fail('LOG_ORDER', { topic, partition, ingestTs, last });
    last = ingestTs;
  }
  return last;
}
