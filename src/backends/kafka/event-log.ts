import type { Admin, Consumer, Producer } from '@platformatic/kafka';
import { fail } from '../../base/errors/fail.ts';
import type { EventLog, EventLogCapabilities, LogBatch, LogRecord, PartitionEnds } from '../../ports/event-log.ts';
import { type Client, clientOptions, type KafkaAddress, loadClient } from './client.ts';
import { isAnswer, kafkaFailure } from './failure.ts';
import { decodeRecord, encodeRecord, type FetchedRecord } from './record.ts';
import { topicName } from './topic-name.ts';

export interface KafkaLogOptions extends KafkaAddress {
  /** Goes before every topic and reader: what keeps projects on one cluster apart. */
  readonly prefix: string;
  /** Copies of each partition of a topic that is made here. */
  readonly replicas: number;
}

interface OpenTopic {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly OpenPartition[];
}

interface OpenPartition {
  /** Ingest time of the last record known here. */
  lastIngestTs: number;
  /** The append in hand: the next waits for it. */
  turn: Promise<unknown>;
  /** What the last fetch gave beyond what was asked for: a broker gives whole batches. */
  ahead: Ahead;
}

interface Ahead {
  readonly offset: number;
  readonly records: readonly LogRecord[];
}

const NOTHING_AHEAD: Ahead = { offset: -1, records: [] };

/** What the broker takes as one batch: topics are made so. */
const MOST_APPEND_BYTES = 32 * 2 ** 20;

/** A batch that is larger comes whole all the same. */
const FETCH_BYTES = 2 ** 20;

/** Special times of the protocol: the end, the begin. */
const LATEST = -1n;
const EARLIEST = -2n;

/** Opens the log on a Kafka cluster. Errors: LOG_UNREACHABLE, LOG_DENIED, LOG_CERTIFICATE, LOG_TLS. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  const log = new KafkaEventLog(await loadClient(), options);
  try {
    await log.probe();
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

class KafkaEventLog implements EventLog {
  /** An acknowledged append is on every replica that is in sync: it survives a broker; with one replica, its process. */
  readonly capabilities: EventLogCapabilities;
  readonly #options: KafkaLogOptions;
  readonly #admin: Admin;
  readonly #producer: Producer;
  readonly #fetcher: Consumer;
  readonly #topics = new Map<string, OpenTopic>();
  #fetching: Promise<unknown> = Promise.resolve();

  constructor({ Admin, Consumer, Producer }: Client, options: KafkaLogOptions) {
    const { prefix, replicas } = options;
    this.#options = options;
    this.capabilities = { durability: replicas > 1 ? 'power' : 'process', manyWriters: true, rows: 'json' };
    const base = clientOptions(options, `${prefix}headrace`);
    this.#admin = new Admin(base);
    this.#producer = new Producer({ ...base, idempotent: true, acks: -1 });
    // Never joins its group: it fetches by offset.
    this.#fetcher = new Consumer({ ...base, groupId: `${prefix}headrace-fetch` });
  }

  /** Asks for what every cluster answers. */
  async probe(): Promise<void> {
    await this.#ask('', () => this.#admin.metadata({ topics: [], forceUpdate: true }));
  }

  async openTopic(topic: string, partitions: number): Promise<void> {
    const name = topicName(this.#options.prefix, topic);
    await this.#create(topic, name, partitions);
    const metadata = await this.#ask(topic, () => this.#admin.metadata({ topics: [name], forceUpdate: true }));
    const found = metadata.topics.get(name);
    if (found === undefined) throw fail('LOG_TOPIC', { topic });
    if (found.partitionsCount !== partitions) {
      throw fail('LOG_PARTITIONS', { topic, partitions: found.partitionsCount, asked: partitions });
    }
    const open: OpenTopic = {
      name,
      id: found.id,
      partitions: Array.from({ length: partitions }, () => ({
        lastIngestTs: Number.NEGATIVE_INFINITY,
        turn: Promise.resolve(),
        ahead: NOTHING_AHEAD,
      })),
    };
    this.#topics.set(topic, open);
    const ends = await this.ends(topic);
    open.partitions.forEach((partition, p) => {
      partition.lastIngestTs = ends[p].lastIngestTs;
    });
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    const held = this.#partition(topic, partition);
    const turn = held.turn.then(() => this.#append(topic, partition, held, records));
    held.turn = turn.catch(() => undefined);
    return turn;
  }

  async read(topic: string, partition: number, offset: number, max: number): Promise<LogBatch> {
    const held = this.#partition(topic, partition);
    const records: LogRecord[] = [];
    while (records.length < max) {
      const next = offset + records.length;
      const ahead = held.ahead.offset === next ? held.ahead.records : await this.#fetchFrom(topic, partition, next);
      if (ahead.length === 0) break;
      const taken = Math.min(ahead.length, max - records.length);
      for (let i = 0; i < taken; i += 1) records.push(ahead[i]);
      held.ahead = taken < ahead.length ? { offset: next + taken, records: ahead.slice(taken) } : NOTHING_AHEAD;
    }
    return { offset, records };
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    const open = this.#topic(topic);
    const [begins, ends, sizes] = await Promise.all([
      this.#offsets(topic, open, EARLIEST),
      this.#offsets(topic, open, LATEST),
      this.#sizes(topic, open),
    ]);
    return Promise.all(
      open.partitions.map(async (_, partition) => {
        const [begin, end] = [begins[partition], ends[partition]];
        return {
          begin,
          end,
          lastIngestTs: begin === end ? Number.NEGATIVE_INFINITY : await this.#ingestAt(topic, partition, end - 1),
          sizeBytes: sizes[partition],
        };
      }),
    );
  }

  async offsetAtIngest(topic: string, partition: number, ingestTs: number): Promise<number> {
    this.#partition(topic, partition);
    const open = this.#topic(topic);
    // The protocol's times begin at 0; below it are its special ones.
    const found = ingestTs <= 0 ? null : await this.#offsetAt(topic, open, partition, BigInt(Math.ceil(ingestTs)));
    if (ingestTs <= 0) return this.#offsetAt(topic, open, partition, EARLIEST);
    return found === -1 || found === null ? this.#offsetAt(topic, open, partition, LATEST) : found;
  }

  async commit(reader: string, topic: string, offsets: readonly number[]): Promise<void> {
    const { name } = this.#topic(topic);
    const partitionOffsets = offsets.map((offset, partition) => ({ partition, offset: BigInt(offset) }));
    await this.#ask(topic, () =>
      this.#admin.alterConsumerGroupOffsets({ groupId: this.#group(reader), topics: [{ name, partitionOffsets }] }),
    );
  }

  async committed(reader: string, topic: string): Promise<readonly number[] | null> {
    const { name, partitions } = this.#topic(topic);
    const groupId = this.#group(reader);
    const partitionIndexes = partitions.map((_, partition) => partition);
    const [group] = await this.#ask(topic, () =>
      this.#admin.listConsumerGroupOffsets({ groups: [{ groupId, topics: [{ name, partitionIndexes }] }] }),
    );
    const found = new Map(
      group?.topics
        .flatMap((each) => each.partitions)
        .map((each) => [each.partitionIndex, Number(each.committedOffset)]),
    );
    const offsets = partitionIndexes.map((partition) => found.get(partition) ?? -1);
    return offsets.every((offset) => offset < 0) ? null : offsets.map((offset) => Math.max(0, offset));
  }

  async retain(
    topic: string,
    rule: { olderThanIngestTs: number; maxBytes: number; keepFrom: readonly number[] },
  ): Promise<void> {
    const { name, partitions } = this.#topic(topic);
    const ends = await this.ends(topic);
    const cuts = await Promise.all(
      partitions.map(async (_, partition) => {
        const { begin, end, sizeBytes } = ends[partition];
        const share = rule.maxBytes / partitions.length;
        const tooMany = sizeBytes <= share ? 0 : Math.ceil(((sizeBytes - share) / sizeBytes) * (end - begin));
        const young = await this.#youngFrom(topic, partition, rule.olderThanIngestTs, end);
        // The last record of all stays: it tells which ingest time may come next.
        const offset = Math.min(Math.max(young, begin + tooMany), rule.keepFrom[partition], end - 1);
        return { partition, offset: BigInt(Math.max(offset, 0)), drops: offset > begin };
      }),
    );
    const dropped = cuts.filter(({ drops }) => drops).map(({ partition, offset }) => ({ partition, offset }));
    if (dropped.length === 0) return;
    await this.#ask(topic, () => this.#admin.deleteRecords({ topics: [{ name, partitions: dropped }] }));
  }

  async close(): Promise<void> {
    await Promise.allSettled(
      [...this.#topics.values()].flatMap(({ partitions }) => partitions.map(({ turn }) => turn)),
    );
    await Promise.allSettled([this.#producer.close(), this.#fetcher.close(true), this.#admin.close()]);
  }

  async #create(topic: string, name: string, partitions: number): Promise<void> {
    const configs = Object.entries({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'message.timestamp.type': 'CreateTime',
      // Ingest times of a replay lie in the past.
      'message.timestamp.before.max.ms': '9223372036854775807',
      'message.timestamp.after.max.ms': '9223372036854775807',
      'max.message.bytes': String(MOST_APPEND_BYTES + 2 ** 20),
    }).map(([config, value]) => ({ name: config, value }));
    try {
      await this.#admin.createTopics({ topics: [name], partitions, replicas: this.#options.replicas, configs });
    } catch (error) {
      if (!isAnswer(error, 'TOPIC_ALREADY_EXISTS')) throw kafkaFailure(error, this.#options, topic);
    }
  }

  async #append(topic: string, partition: number, held: OpenPartition, records: readonly LogRecord[]): Promise<number> {
    const open = this.#topic(topic);
    const last = checkOrder(topic, partition, held.lastIngestTs, records);
    if (records.length === 0) return this.#offsetAt(topic, open, partition, LATEST);
    const messages = records.map((record) => encodeRecord(open.name, partition, record));
    const bytes = messages.reduce((sum, { key, value }) => sum + key.length + value.length + RECORD_OVERHEAD, 0);
    if (bytes > MOST_APPEND_BYTES) throw fail('LOG_SIZE', { topic, bytes, most: MOST_APPEND_BYTES });
    const { offsets } = await this.#ask(topic, () => this.#producer.send({ messages }));
    const offset = offsets?.find((each) => each.partition === partition)?.offset;
    if (offset === undefined)
      throw fail('LOG_UNREACHABLE', { brokers: this.#options.brokers, reason: 'no broker took it' });
    held.lastIngestTs = last;
    return Number(offset);
  }

  /** The records from an offset on, as many as come at once; none at the end. Errors: LOG_TRIMMED, LOG_FOREIGN. */
  async #fetchFrom(topic: string, partition: number, offset: number): Promise<readonly LogRecord[]> {
    const { batches, end } = await this.#fetch(topic, partition, offset);
    const records: LogRecord[] = [];
    for (const { at, record, ingestTs } of batches) {
      const next = offset + records.length;
      if (at < next) continue;
      if (at !== next) throw this.#foreign(topic, partition, next, 'it is missing');
      const decoded = decodeRecord(record, ingestTs);
      if (decoded === null) throw this.#foreign(topic, partition, at, 'it is no record of this log');
      records.push(decoded);
    }
    if (records.length === 0 && offset < end) throw this.#foreign(topic, partition, offset, 'it is missing');
    return records;
  }

  /** The records from an offset on that the broker gives at once, and the end of the partition. */
  async #fetch(
    topic: string,
    partition: number,
    offset: number,
  ): Promise<{ batches: readonly Fetched[]; end: number }> {
    const { name, id } = this.#topic(topic);
    const answer = await this.#inTurn(topic, async () => {
      const metadata = await this.#admin.metadata({ topics: [name] });
      const leader = metadata.topics.get(name)?.partitions[partition]?.leader ?? 0;
      return this.#fetcher.fetch({
        node: leader,
        minBytes: 1,
        maxBytes: FETCH_BYTES,
        maxWaitTime: 0,
        topics: [
          {
            topicId: id,
            partitions: [
              {
                partition,
                currentLeaderEpoch: -1,
                fetchOffset: BigInt(offset),
                lastFetchedEpoch: -1,
                partitionMaxBytes: FETCH_BYTES,
              },
            ],
          },
        ],
      });
    }).catch(async (error: unknown) => {
      if (!isAnswer(error instanceof Error ? error.cause : error, 'OFFSET_OUT_OF_RANGE')) throw error;
      const begin = await this.#offsetAt(topic, this.#topic(topic), partition, EARLIEST);
      if (offset < begin) throw fail('LOG_TRIMMED', { topic, partition, offset, begin }, error);
      return null;
    });
    const found = answer?.responses[0]?.partitions[0];
    if (found === undefined) return { batches: [], end: offset };
    const batches = (found.records ?? []).flatMap((batch): Fetched[] =>
      batch.records.map((record) => ({
        at: Number(batch.firstOffset) + record.offsetDelta,
        ingestTs: Number(batch.firstTimestamp + record.timestampDelta),
        record,
      })),
    );
    return { batches, end: Number(found.highWatermark) };
  }

  /** One fetch at a time: the client holds one session with each broker, whose requests follow each other. */
  #inTurn<T>(topic: string, fetch: () => Promise<T>): Promise<T> {
    const turn = this.#fetching.then(() => this.#ask(topic, fetch));
    this.#fetching = turn.catch(() => undefined);
    return turn;
  }

  async #ingestAt(topic: string, partition: number, offset: number): Promise<number> {
    const { batches } = await this.#fetch(topic, partition, offset);
    return batches.find(({ at }) => at === offset)?.ingestTs ?? Number.NEGATIVE_INFINITY;
  }

  async #youngFrom(topic: string, partition: number, olderThan: number, end: number): Promise<number> {
    if (olderThan === Number.POSITIVE_INFINITY) return end;
    return this.offsetAtIngest(topic, partition, olderThan);
  }

  async #offsets(topic: string, { name, partitions }: OpenTopic, timestamp: bigint): Promise<readonly number[]> {
    const asked = partitions.map((_, partitionIndex) => ({ partitionIndex, timestamp }));
    const [found] = await this.#ask(topic, () => this.#admin.listOffsets({ topics: [{ name, partitions: asked }] }));
    const byPartition = new Map(
      found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]),
    );
    return partitions.map((_, partition) => byPartition.get(partition) ?? 0);
  }

  async #offsetAt(topic: string, { name }: OpenTopic, partition: number, timestamp: bigint): Promise<number> {
    const partitions = [{ partitionIndex: partition, timestamp }];
    const [found] = await this.#ask(topic, () => this.#admin.listOffsets({ topics: [{ name, partitions }] }));
    return Number(found?.partitions[0]?.offset ?? -1n);
  }

  async #sizes(topic: string, { name, partitions }: OpenTopic): Promise<readonly number[]> {
    const asked = [{ name, partitions: partitions.map((_, partition) => partition) }];
    const brokers = await this.#ask(topic, () => this.#admin.describeLogDirs({ topics: asked }));
    const sizes = partitions.map(() => 0);
    for (const { results } of brokers) {
      for (const found of results.flatMap((result) => result.topics).filter((each) => each.name === name)) {
        for (const { partitionIndex, partitionSize } of found.partitions) {
          sizes[partitionIndex] = Math.max(sizes[partitionIndex] ?? 0, Number(partitionSize));
        }
      }
    }
    return sizes;
  }

  #foreign(topic: string, partition: number, offset: number, reason: string): Error {
    return fail('LOG_FOREIGN', { topic, partition, offset, reason });
  }

  #group(reader: string): string {
    return `${this.#options.prefix}${reader}`;
  }

  #topic(topic: string): OpenTopic {
    const open = this.#topics.get(topic);
    if (open === undefined) throw fail('LOG_TOPIC', { topic });
    return open;
  }

  #partition(topic: string, partition: number): OpenPartition {
    const found = this.#topic(topic).partitions[partition];
    if (found === undefined) throw fail('LOG_TOPIC', { topic: `${topic}/${partition}` });
    return found;
  }

  async #ask<T>(topic: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw kafkaFailure(error, this.#options, topic);
    }
  }
}

interface Fetched {
  readonly at: number;
  readonly ingestTs: number;
  readonly record: FetchedRecord;
}

/** Bytes of a record beside its key and value: lengths, times, the header. */
const RECORD_OVERHEAD = 64;

/** The last ingest time behind an append. Error: LOG_ORDER. */
function checkOrder(topic: string, partition: number, before: number, records: readonly LogRecord[]): number {
  let last = before;
  for (const { ingestTs } of records) {
    if (!(ingestTs >= last)) throw fail('LOG_ORDER', { topic, partition, ingestTs, last });
    last = ingestTs;
  }
  return last;
}
