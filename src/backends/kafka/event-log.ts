import type { Producer } from '@platformatic/kafka';
import { fail } from '../../base/errors/fail.ts';
import {
  type EventLog,
  type EventLogCapabilities,
  type LogBatch,
  type LogRecord,
  mustNotDecrease,
  type PartitionEnds,
} from '../../ports/event-log.ts';
import { answersWithin, type Client, clientOptions, type KafkaAddress, loadClient } from './client.ts';
import { isAnswer } from './failure.ts';
import type { Fetched } from './fetched.ts';
import { foreignRecord, notAhead, RECORD_OVERHEAD } from './log-records.ts';
import { decodeRecord, encodeRecord, type RecordToSend } from './record.ts';
import { topicName } from './topic-name.ts';
import { EARLIEST, KafkaTopics, type KnownTopic, LATEST, READ_COMMITTED } from './topics.ts';

export interface KafkaLogOptions extends KafkaAddress {
  /** Goes before every topic and reader: what keeps projects on one cluster apart. */
  readonly prefix: string;
  /** Copies of each partition of a topic that is made here. */
  readonly replicas: number;
}

interface OpenTopic {
  readonly known: KnownTopic;
  readonly partitions: readonly OpenPartition[];
}

interface OpenPartition {
  /** Where it ended when a broker last said it. */
  end: number;
  /** Appends that wait while others are on their way. */
  readonly waiting: WaitingAppend[];
  /** Until nothing waits; null where nothing is on its way. */
  sending: Promise<void> | null;
  /** The rest of the last fetch beyond the requested records: a broker returns whole batches. */
  ahead: Ahead;
}

interface WaitingAppend {
  readonly records: readonly LogRecord[];
  readonly resolve: (offset: number) => void;
  readonly reject: (error: unknown) => void;
}

interface Ahead {
  readonly offset: number;
  readonly records: readonly LogRecord[];
}

const NOTHING_AHEAD: Ahead = { offset: -1, records: [] };

/** The limit of one batch on the broker: topics are created with it. */
const MOST_APPEND_BYTES = 32 * 2 ** 20;

/** A batch that is larger comes whole all the same. */
const FETCH_BYTES = 2 ** 20;

const SETTINGS = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'message.timestamp.type': 'CreateTime',
  // Ingest times of a replay are in the past.
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.after.max.ms': '9223372036854775807',
  'max.message.bytes': String(MOST_APPEND_BYTES + 2 ** 20),
} as const;

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
  readonly #kafka: KafkaTopics;
  readonly #producer: Producer;
  readonly #topics = new Map<string, OpenTopic>();

  constructor(client: Client, options: KafkaLogOptions) {
    const { prefix, replicas } = options;
    this.#options = options;
    this.capabilities = { durability: replicas > 1 ? 'power' : 'process', manyWriters: true, rows: 'json' };
    const clientId = `${prefix}headrace`;
    this.#kafka = new KafkaTopics(client, options, clientId);
    this.#producer = new client.Producer({
      ...clientOptions(options, clientId),
      ...answersWithin(options),
      idempotent: true,
      acks: -1,
    });
  }

  /** Asks for what every cluster answers. */
  async probe(): Promise<void> {
    await this.#kafka.ask('', () => this.#kafka.admin.metadata({ topics: [], forceUpdate: true }));
  }

  async openTopic(topic: string, partitions: number): Promise<void> {
    const declared = { name: topicName(this.#options.prefix, topic), told: topic, settings: SETTINGS };
    const [known] = await this.#kafka.open([declared], partitions, this.#options.replicas);
    const open: OpenTopic = {
      known,
      partitions: Array.from({ length: partitions }, () => ({
        end: 0,
        waiting: [],
        sending: null,
        ahead: NOTHING_AHEAD,
      })),
    };
    this.#topics.set(topic, open);
    await this.ends(topic);
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    const held = this.#partition(topic, partition);
    if (records.length === 0)
      return (held.sending ?? Promise.resolve()).then(() => this.#offsetAt(topic, partition, LATEST));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    held.waiting.push({ records, resolve, reject });
    held.sending ??= this.#sendWaiting(topic, partition, held);
    return promise;
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
    const { known, partitions } = this.#topic(topic);
    const [begins, ends, sizes] = await Promise.all([
      this.#kafka.offsets([known], EARLIEST),
      this.#kafka.offsets([known], LATEST),
      this.#sizes(known),
    ]);
    return Promise.all(
      partitions.map(async (held, partition) => {
        const [begin, end] = [begins[known.name][partition], ends[known.name][partition]];
        held.end = Math.max(held.end, end);
        return {
          begin,
          end,
          lastIngestTs: begin === end ? Number.NEGATIVE_INFINITY : await this.#ingestAt(topic, partition, end - 1),
          sizeBytes: sizes[partition],
        };
      }),
    );
  }

  knownEnds(topic: string): readonly number[] {
    return this.#topic(topic).partitions.map(({ end }) => end);
  }

  async offsetAtIngest(topic: string, partition: number, ingestTs: number): Promise<number> {
    this.#partition(topic, partition);
    // The protocol's times begin at 0; below it are its special ones.
    if (ingestTs <= 0) return this.#offsetAt(topic, partition, EARLIEST);
    const found = await this.#offsetAt(topic, partition, BigInt(Math.ceil(ingestTs)));
    return found === -1 ? this.#offsetAt(topic, partition, LATEST) : found;
  }

  async commit(reader: string, topic: string, offsets: readonly number[]): Promise<void> {
    const { name } = this.#topic(topic).known;
    const partitionOffsets = offsets.map((offset, partition) => ({ partition, offset: BigInt(offset) }));
    await this.#kafka.ask(topic, () =>
      this.#kafka.admin.alterConsumerGroupOffsets({
        groupId: this.#group(reader),
        topics: [{ name, partitionOffsets }],
      }),
    );
  }

  async committed(reader: string, topic: string): Promise<readonly number[] | null> {
    const { known, partitions } = this.#topic(topic);
    const groupId = this.#group(reader);
    const partitionIndexes = partitions.map((_, partition) => partition);
    const topics = [{ name: known.name, partitionIndexes }];
    const [group] = await this.#kafka.ask(topic, () =>
      this.#kafka.admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }] }),
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
    const { known, partitions } = this.#topic(topic);
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
    const topics = [{ name: known.name, partitions: dropped }];
    await this.#kafka.ask(topic, () => this.#kafka.admin.deleteRecords({ topics }));
  }

  async close(): Promise<void> {
    await Promise.allSettled(
      [...this.#topics.values()].flatMap(({ partitions }) => partitions.map(({ sending }) => sending)),
    );
    await Promise.allSettled([this.#producer.close(), this.#kafka.close()]);
  }

  /** One request of a partition at a time; later appends are sent together with the next. */
  async #sendWaiting(topic: string, partition: number, held: OpenPartition): Promise<void> {
    // Those of the same turn go together, and `sending` is known before anything ends.
    await Promise.resolve();
    while (held.waiting.length > 0) {
      const { appends, messages } = this.#takeWaiting(topic, partition, held);
      try {
        if (messages.length > 0) {
          let offset = await this.#send(topic, partition, messages);
          held.end = Math.max(held.end, offset + messages.length);
          for (const { records, resolve } of appends) {
            resolve(offset);
            offset += records.length;
          }
        }
      } catch (error) {
        for (const { reject } of appends) reject(error);
      }
    }
    held.sending = null;
  }

  /** The appends that wait, as many as a batch takes; one that cannot be is refused. */
  #takeWaiting(topic: string, partition: number, held: OpenPartition) {
    const { name } = this.#topic(topic).known;
    const appends: WaitingAppend[] = [];
    const messages: RecordToSend[] = [];
    for (let bytes = 0, next = held.waiting[0]; next !== undefined; next = held.waiting[0]) {
      try {
        mustNotDecrease(topic, partition, next.records);
        const encoded = next.records.map((record) => encodeRecord(name, partition, record));
        const size = encoded.reduce((sum, { key, value }) => sum + key.length + value.length + RECORD_OVERHEAD, 0);
        if (size > MOST_APPEND_BYTES) throw fail('LOG_SIZE', { topic, bytes: size, most: MOST_APPEND_BYTES });
        bytes += size;
        if (bytes > MOST_APPEND_BYTES) break;
        appends.push(next);
        for (const message of encoded) messages.push(message);
      } catch (error) {
        next.reject(error);
      }
      held.waiting.shift();
    }
    return { appends, messages };
  }

  /** Sends records as one batch; gives the offset of the first. */
  async #send(topic: string, partition: number, messages: RecordToSend[]): Promise<number> {
    const { offsets } = await this.#kafka.ask(topic, () => this.#producer.send({ messages }));
    const offset = offsets?.find((each) => each.partition === partition)?.offset;
    if (offset === undefined)
      throw fail('LOG_UNREACHABLE', { brokers: this.#options.brokers, reason: 'no broker took it' });
    return Number(offset);
  }

  /** The records from an offset on, as many as come at once; none at the end. Errors: LOG_TRIMMED, LOG_FOREIGN. */
  async #fetchFrom(topic: string, partition: number, offset: number): Promise<readonly LogRecord[]> {
    const { records: found, end } = await this.#fetch(topic, partition, offset);
    const records: LogRecord[] = [];
    for (const { at, record, ingestTs, hidden } of found) {
      const next = offset + records.length;
      if (at < next) continue;
      if (at !== next) throw this.#foreign(topic, partition, next, 'it is missing');
      const read = hidden ? null : decodeRecord(record, ingestTs);
      records.push(read ?? foreignRecord(record, notAhead(ingestTs)));
    }
    if (records.length === 0 && offset < end) throw this.#foreign(topic, partition, offset, 'it is missing');
    return records;
  }

  /** The records from an offset on that the broker gives at once, and the end of the partition. */
  async #fetch(topic: string, partition: number, offset: number): Promise<Pick<Fetched, 'records' | 'end'>> {
    const { known, partitions } = this.#topic(topic);
    const places = [{ topic: known, partition, offset }];
    const [found] = await this.#kafka.fetch(places, FETCH_BYTES).catch(async (error: unknown) => {
      if (!isAnswer(error instanceof Error ? error.cause : error, 'OFFSET_OUT_OF_RANGE')) throw error;
      const begin = await this.#offsetAt(topic, partition, EARLIEST);
      if (offset < begin) throw fail('LOG_TRIMMED', { topic, partition, offset, begin }, error);
      return [];
    });
    if (found === undefined) return { records: [], end: offset };
    partitions[partition].end = Math.max(partitions[partition].end, found.end);
    return found;
  }

  async #ingestAt(topic: string, partition: number, offset: number): Promise<number> {
    const { records } = await this.#fetch(topic, partition, offset);
    const found = records.find(({ at }) => at === offset);
    if (found === undefined) return Number.NEGATIVE_INFINITY;
    return decodeRecord(found.record, found.ingestTs)?.ingestTs ?? notAhead(found.ingestTs);
  }

  async #youngFrom(topic: string, partition: number, olderThan: number, end: number): Promise<number> {
    if (olderThan === Number.POSITIVE_INFINITY) return end;
    return this.offsetAtIngest(topic, partition, olderThan);
  }

  async #offsetAt(topic: string, partition: number, timestamp: bigint): Promise<number> {
    const { name } = this.#topic(topic).known;
    const partitions = [{ partitionIndex: partition, timestamp }];
    const [found] = await this.#kafka.ask(topic, () =>
      this.#kafka.admin.listOffsets({ topics: [{ name, partitions }], isolationLevel: READ_COMMITTED }),
    );
    return Number(found?.partitions[0]?.offset ?? -1n);
  }

  async #sizes({ name, told, partitions }: KnownTopic): Promise<readonly number[]> {
    const sizes = Array.from({ length: partitions }, () => 0);
    const asked = [{ name, partitions: [...sizes.keys()] }];
    const brokers = await this.#kafka.ask(told, () => this.#kafka.admin.describeLogDirs({ topics: asked }));
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
}
