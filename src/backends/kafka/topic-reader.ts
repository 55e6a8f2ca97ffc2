import type { Admin, Consumer } from '@platformatic/kafka';
import { fail } from '../../base/errors/fail.ts';
import type { Position } from '../../ports/position.ts';
import type { TopicEnds } from '../../ports/tile-topics.ts';
import { clientOptions, type KafkaAddress, loadClient } from './client.ts';
import { isAnswer, kafkaFailure } from './failure.ts';

/** A topic that is made where it is absent. */
export interface CompactedTopic {
  readonly name: string;
  /** How long the last record of a key is kept after it was written, ms; Infinity: for ever. */
  readonly keptMs: number;
}

export interface TopicReaderOptions extends KafkaAddress {
  readonly clientId: string;
  readonly topics: readonly CompactedTopic[];
  readonly partitions: number;
  readonly replicas: number;
}

/** Records of some topics as they were fetched, and where to go on. */
export interface FetchedTopics {
  /** Values in the order of their partition; a key that was taken away has none. */
  readonly records: readonly { readonly topic: string; readonly value: Uint8Array }[];
  readonly next: Position;
  readonly hasMore: boolean;
}

interface KnownTopic {
  readonly name: string;
  readonly id: string;
}

/** What the largest record may take. */
const MOST_RECORD_BYTES = 32 * 2 ** 20;

const FETCH_BYTES = 4 * 2 ** 20;
const LATEST = -1n;
const EARLIEST = -2n;

/** Opens compacted topics to be read by offset, made where they are absent. Errors: LOG_*. */
export async function openTopicReader(options: TopicReaderOptions): Promise<TopicReader> {
  const { Admin, Consumer } = await loadClient();
  const base = clientOptions(options, options.clientId);
  const admin = new Admin(base);
  const consumer = new Consumer({ ...base, groupId: `${options.clientId}-fetch` });
  const reader = new TopicReader(admin, consumer, options);
  try {
    await reader.open();
    return reader;
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Compacted topics of one cluster, all read in one request to each broker. */
export class TopicReader {
  readonly #admin: Admin;
  readonly #consumer: Consumer;
  readonly #options: TopicReaderOptions;
  readonly #topics: KnownTopic[] = [];
  #fetching: Promise<unknown> = Promise.resolve();

  constructor(admin: Admin, consumer: Consumer, options: TopicReaderOptions) {
    this.#admin = admin;
    this.#consumer = consumer;
    this.#options = options;
  }

  async open(): Promise<void> {
    for (const topic of this.#options.topics) await this.#create(topic);
    const names = this.#options.topics.map(({ name }) => name);
    const metadata = await this.#ask(() => this.#admin.metadata({ topics: names, forceUpdate: true }));
    const { partitions } = this.#options;
    for (const name of names) {
      const found = metadata.topics.get(name);
      if (found === undefined) throw fail('LOG_TOPIC', { topic: name });
      if (found.partitionsCount !== partitions)
        throw fail('LOG_PARTITIONS', { topic: name, partitions: found.partitionsCount, asked: partitions });
      this.#topics.push({ name, id: found.id });
    }
  }

  async ends(): Promise<TopicEnds> {
    const [begins, ends] = [await this.#offsets(EARLIEST), await this.#offsets(LATEST)];
    return { begins, ends };
  }

  /** The records from a position on, as many as come at once. */
  read(from: Position): Promise<FetchedTopics> {
    // One fetch at a time: the client holds one session with each broker, whose requests follow each other.
    const turn = this.#fetching.then(() => this.#ask(() => this.#fetch(from)));
    this.#fetching = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#consumer.close(true), this.#admin.close()]);
  }

  async #create({ name, keptMs }: CompactedTopic): Promise<void> {
    const { partitions, replicas } = this.#options;
    const finite = Number.isFinite(keptMs);
    const configs = Object.entries({
      'cleanup.policy': finite ? 'compact,delete' : 'compact',
      'retention.ms': finite ? String(Math.ceil(keptMs)) : '-1',
      'max.message.bytes': String(MOST_RECORD_BYTES + 2 ** 20),
    }).map(([config, value]) => ({ name: config, value }));
    try {
      await this.#admin.createTopics({ topics: [name], partitions, replicas, configs });
    } catch (error) {
      if (!isAnswer(error, 'TOPIC_ALREADY_EXISTS')) throw kafkaFailure(error, this.#options, name);
    }
  }

  async #offsets(timestamp: bigint): Promise<Position> {
    const partitions = Array.from({ length: this.#options.partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp,
    }));
    const topics = this.#topics.map(({ name }) => ({ name, partitions }));
    const found = await this.#ask(() => this.#admin.listOffsets({ topics }));
    return Object.fromEntries(
      found.map((topic) => {
        const offsets = partitions.map(() => 0);
        for (const { partitionIndex, offset } of topic.partitions) offsets[partitionIndex] = Number(offset);
        return [topic.name, offsets];
      }),
    );
  }

  async #fetch(from: Position): Promise<FetchedTopics> {
    const metadata = await this.#admin.metadata({ topics: this.#topics.map(({ name }) => name) });
    const byLeader = new Map<number, { topicId: string; partitions: ReturnType<typeof asked>[] }[]>();
    for (const { name, id } of this.#topics) {
      from[name].forEach((offset, partition) => {
        const leader = metadata.topics.get(name)?.partitions[partition]?.leader ?? 0;
        const topics = byLeader.get(leader) ?? [];
        byLeader.set(leader, topics);
        const last = topics.at(-1);
        if (last?.topicId === id) last.partitions.push(asked(partition, offset));
        else topics.push({ topicId: id, partitions: [asked(partition, offset)] });
      });
    }
    const next = new Map(Object.entries(from).map(([name, offsets]) => [name, [...offsets]]));
    const records: { topic: string; value: Uint8Array }[] = [];
    let hasMore = false;
    for (const [node, topics] of byLeader) {
      const answer = await this.#consumer.fetch({ node, minBytes: 1, maxBytes: FETCH_BYTES, maxWaitTime: 0, topics });
      for (const { topicId, partitions } of answer.responses) {
        const topic = this.#topics.find(({ id }) => id === topicId)?.name ?? '';
        const offsets = next.get(topic);
        if (offsets === undefined) continue;
        for (const { partitionIndex, records: batches, highWatermark } of partitions) {
          for (const batch of batches ?? []) {
            const begin = Number(batch.firstOffset);
            for (const { offsetDelta, value } of batch.records)
              if (begin + offsetDelta >= offsets[partitionIndex] && value !== null && value.length > 0)
                records.push({ topic, value });
            // Also behind records that a newer one of their key replaced.
            offsets[partitionIndex] = Math.max(offsets[partitionIndex], begin + batch.lastOffsetDelta + 1);
          }
          hasMore ||= offsets[partitionIndex] < Number(highWatermark);
        }
      }
    }
    return { records, next: Object.fromEntries(next), hasMore };
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw kafkaFailure(error, this.#options, this.#options.topics[0]?.name ?? '');
    }
  }
}

function asked(partition: number, offset: number) {
  return {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: FETCH_BYTES,
  };
}
