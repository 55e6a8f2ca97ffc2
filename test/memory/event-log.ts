import { fail } from '../../src/base/errors/fail.ts';
import {
  type EventLog,
  type EventLogCapabilities,
  type LogBatch,
  type LogRecord,
  mustNotDecrease,
  type PartitionEnds,
} from '../../src/ports/event-log.ts';

/** Records of a segment: retention drops whole ones. */
const SEGMENT = 1_000;

interface Partition {
  begin: number;
  readonly records: LogRecord[];
}

/** The event log in memory: the definition of the port. Nothing survives the process. */
export class MemoryEventLog implements EventLog {
  readonly capabilities: EventLogCapabilities = { durability: 'memory', manyWriters: false, rows: 'compact' };
  readonly #topics = new Map<string, Partition[]>();
  readonly #committed = new Map<string, readonly number[]>();

  openTopic(topic: string, partitions: number): void {
    const known = this.#topics.get(topic);
    if (known !== undefined && known.length !== partitions) {
      throw fail('LOG_PARTITIONS', { topic, partitions: known.length, asked: partitions });
    }
    if (known === undefined)
      this.#topics.set(
        topic,
        Array.from({ length: partitions }, () => ({ begin: 0, records: [] })),
      );
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): number {
    const { begin, records: held } = this.#partition(topic, partition);
    mustNotDecrease(topic, partition, records);
    const offset = begin + held.length;
    for (const record of records) held.push({ ...record, payload: record.payload.slice() });
    return offset;
  }

  read(topic: string, partition: number, offset: number, max: number): LogBatch {
    const { begin, records } = this.#partition(topic, partition);
    if (offset < begin) throw fail('LOG_TRIMMED', { topic, partition, offset, begin });
    return { offset, records: records.slice(offset - begin, offset - begin + max) };
  }

  ends(topic: string): readonly PartitionEnds[] {
    return this.#topic(topic).map(({ begin, records }) => ({
      begin,
      end: begin + records.length,
      lastIngestTs: records.reduce((most, { ingestTs }) => Math.max(most, ingestTs), Number.NEGATIVE_INFINITY),
      sizeBytes: records.reduce((bytes, record) => bytes + sizeOf(record), 0),
    }));
  }

  offsetAtIngest(topic: string, partition: number, ingestTs: number): number {
    const { begin, records } = this.#partition(topic, partition);
    const index = records.findIndex((record) => record.ingestTs >= ingestTs);
    return begin + (index < 0 ? records.length : index);
  }

  commit(reader: string, topic: string, offsets: readonly number[]): void {
    this.#topic(topic);
    this.#committed.set(JSON.stringify([reader, topic]), [...offsets]);
  }

  committed(reader: string, topic: string): readonly number[] | null {
    return this.#committed.get(JSON.stringify([reader, topic])) ?? null;
  }

  retain(topic: string, rule: { olderThanIngestTs: number; maxBytes: number; keepFrom: readonly number[] }): void {
    const partitions = this.#topic(topic);
    const share = rule.maxBytes / partitions.length;
    partitions.forEach((partition, p) => {
      for (;;) {
        const { begin, records } = partition;
        const segment = records.slice(0, SEGMENT);
        const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
        const old = (segment.at(-1)?.ingestTs ?? Number.POSITIVE_INFINITY) < rule.olderThanIngestTs;
        // The last record of all stays: it tells which ingest time may come next.
        if (records.length <= SEGMENT || begin + SEGMENT > rule.keepFrom[p] || !(old || bytes > share)) return;
        records.splice(0, SEGMENT);
        partition.begin += SEGMENT;
      }
    });
  }

  blank(topic: string, partition: number, which: (record: LogRecord, offset: number) => boolean): number {
    const { begin, records } = this.#partition(topic, partition);
    let blanked = 0;
    records.forEach((record, i) => {
      if (record.id === '' || !which(record, begin + i)) return;
      records[i] = { id: '', ts: 0, ingestTs: record.ingestTs, payload: new Uint8Array(0) };
      blanked += 1;
    });
    return blanked;
  }

  restamp(topic: string, partition: number, stampOf: (record: LogRecord, offset: number) => number): number {
    const { begin, records } = this.#partition(topic, partition);
    let restamped = 0;
    records.forEach((record, i) => {
      const ingestTs = stampOf(record, begin + i);
      if (ingestTs === record.ingestTs) return;
      records[i] = { ...record, ingestTs };
      restamped += 1;
    });
    return restamped;
  }

  close(): void {
    this.#topics.clear();
  }

  #topic(topic: string): Partition[] {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) throw fail('LOG_TOPIC', { topic });
    return partitions;
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#topic(topic)[partition];
    if (found === undefined) throw fail('LOG_TOPIC', { topic: `${topic}/${partition}` });
    return found;
  }
}

function sizeOf({ id, payload }: LogRecord): number {
  return id.length + payload.length + 16;
}
