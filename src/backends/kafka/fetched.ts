import type { FetchedRecord } from './record.ts';
import type { KnownTopic } from './topics.ts';

/** Where to read. */
export interface Place {
  readonly topic: KnownTopic;
  readonly partition: number;
  readonly offset: number;
}

/** One answer of a broker for a partition: whole batches, which may start before the position. */
export interface Fetched {
  readonly topic: KnownTopic;
  readonly partition: number;
  readonly records: readonly FetchedAt[];
  /** The position after the records, also after records that compaction deleted; unchanged if there were none. */
  readonly next: number;
  /** Where the records of the partition end that are committed: a transaction that is open comes after it. */
  readonly end: number;
}

/** A record and its place. */
export interface FetchedAt {
  readonly at: number;
  readonly ingestTs: number;
  readonly record: FetchedRecord;
  /** Whether it is of a transaction that was given up, whose records may be absent, or the mark at the end of one. */
  readonly hidden: boolean;
}

/** A partition in the answer of a broker. */
interface PartitionAnswer {
  readonly records?: readonly RecordsBatch[] | null;
  readonly highWatermark: bigint;
  /** -1 where a broker does not tell. */
  readonly lastStableOffset: bigint;
  readonly abortedTransactions?: readonly GivenUp[] | null;
}

/** A transaction that was given up. */
interface GivenUp {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** A batch of records as the protocol has it. */
interface RecordsBatch {
  readonly firstOffset: bigint;
  readonly firstTimestamp: bigint;
  readonly lastOffsetDelta: number;
  readonly attributes: number;
  readonly producerId: bigint;
  readonly records: readonly (FetchedRecord & { readonly offsetDelta: number; readonly timestampDelta: bigint })[];
}

/** Bits of a batch's attributes. */
const IS_TRANSACTIONAL = 0x10;
const IS_CONTROL = 0x20;

/** A mark's key: its version, then what it says; both 16 bits. */
const ABORT = 0;

/** A record that the client left out. */
const ABSENT: FetchedRecord = { key: null, value: null, headers: [] };

/** The answer of a broker for a place. */
export function fetchedOf({ topic, partition, offset }: Place, answer: PartitionAnswer): Fetched {
  const batches = answer.records ?? [];
  const aborted = answer.abortedTransactions ?? [];
  const hidden = hiddenBatches(batches, aborted);
  const isLeftOut = leftOut(batches, aborted);
  const records: FetchedAt[] = [];
  let next = offset;
  for (const batch of batches) {
    const [first, ingestTs] = [Number(batch.firstOffset), Number(batch.firstTimestamp)];
    for (let at = next; at < first; at += 1)
      if (isLeftOut(at)) records.push({ at, ingestTs, record: ABSENT, hidden: true });
    for (const record of batch.records)
      records.push({
        at: first + record.offsetDelta,
        ingestTs: Number(batch.firstTimestamp + record.timestampDelta),
        record,
        hidden: hidden.has(batch),
      });
    next = Math.max(next, first + batch.lastOffsetDelta + 1);
  }
  const stable = Number(answer.lastStableOffset);
  return { topic, partition, records, next, end: stable < 0 ? Number(answer.highWatermark) : stable };
}

/**
 * The batches of transactions that were given up, and the marks at the ends of all. The client leaves those out whose mark
 * comes in the same answer, and only those.
 */
function hiddenBatches(batches: readonly RecordsBatch[], aborted: readonly GivenUp[]): ReadonlySet<RecordsBatch> {
  const hidden = new Set<RecordsBatch>();
  const begun = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const open = new Set<bigint>();
  for (const batch of batches) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (begun.length > 0 && begun[0].firstOffset <= last) open.add(begun.shift()?.producerId ?? -1n);
    if ((batch.attributes & IS_CONTROL) !== 0) {
      hidden.add(batch);
      if (isAbort(batch)) open.delete(batch.producerId);
    } else if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && open.has(batch.producerId)) hidden.add(batch);
  }
  return hidden;
}

/** Whether a place was in a transaction that was given up: from its first record to its mark. */
function leftOut(batches: readonly RecordsBatch[], aborted: readonly GivenUp[]): (at: number) => boolean {
  const marks = batches.filter(isAbort);
  const spans = aborted.map(({ producerId, firstOffset }) => {
    const mark = marks.find((each) => each.producerId === producerId && each.firstOffset >= firstOffset);
    return { from: Number(firstOffset), to: Number(mark?.firstOffset ?? firstOffset) };
  });
  return (at) => spans.some(({ from, to }) => from <= at && at < to);
}

function isAbort({ attributes, records }: RecordsBatch): boolean {
  return (attributes & IS_CONTROL) !== 0 && records[0]?.key?.readInt16BE(2) === ABORT;
}
