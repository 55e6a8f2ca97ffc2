import type { Consumer } from '@platformatic/kafka';
import type { SourceTopic } from '../../ports/source-topic.ts';
import type { FencedPartition, LaneNames, LanePosition, StreamLane, StreamLanes } from '../../ports/stream-lanes.ts';
import type { ShareGroup } from '../../ports/tile-shares.ts';
import { answersWithin, type Client, clientOptions, loadClient } from './client.ts';
import type { KafkaLogOptions } from './event-log.ts';
import type { FetchedAt } from './fetched.ts';
import { decodePosition } from './lane-position.ts';
import { LaneProducer } from './lane-producer.ts';
import { openShareGroup } from './share-group.ts';
import { openSourceTopic } from './source-topic.ts';
import { topicName } from './topic-name.ts';
import { EARLIEST, KafkaTopics, type KnownTopic, LATEST } from './topics.ts';

export interface KafkaLanesOptions extends KafkaLogOptions {
  /** The same for each life of this process. */
  readonly member: string;
}

/** Only the newest position of a partition matters. */
const POSITIONS = { 'cleanup.policy': 'compact', 'retention.ms': '-1' } as const;

const FETCH_BYTES = 2 ** 20;

/** Offsets that are looked at from the end of a partition back, at first: every transaction has a record and a mark. */
const LOOK_BACK = 8;

/** Streams in topics of Kafka: each commit is one transaction. Error: LOG_CLIENT. */
export async function openKafkaLanes(options: KafkaLanesOptions): Promise<StreamLanes> {
  return new KafkaLanes(await loadClient(), options);
}

class KafkaLanes implements StreamLanes {
  readonly #client: Client;
  readonly #options: KafkaLanesOptions;
  readonly #topics: KafkaTopics;

  constructor(client: Client, options: KafkaLanesOptions) {
    this.#client = client;
    this.#options = options;
    this.#topics = new KafkaTopics(client, options, `${options.prefix}streams`);
  }

  join(reader: string, inputTopic: string): Promise<ShareGroup> {
    const { prefix, member } = this.#options;
    const group = `${prefix}${reader}`;
    const topic = topicName(prefix, inputTopic);
    return openShareGroup({ ...this.#options, clientId: group, group, member: `${member}-${reader}`, topic });
  }

  async open(names: LaneNames): Promise<StreamLane> {
    const { prefix, replicas } = this.#options;
    const declared = { name: topicName(prefix, names.positions), told: names.positions, settings: POSITIONS };
    const [positions] = await this.#topics.open([declared], names.partitions, replicas);
    return new KafkaLane(this.#client, this.#options, { names, topics: this.#topics, positions });
  }

  follow(reader: string, outputs: string): Promise<SourceTopic> {
    const { prefix, member } = this.#options;
    const group = `${prefix}${reader}`;
    const topic = topicName(prefix, outputs);
    return openSourceTopic({ ...this.#options, clientId: group, group, member: `${member}-${reader}`, topic });
  }

  async partitionsOf(topic: string): Promise<number> {
    return (await this.#topics.known(topicName(this.#options.prefix, topic))).partitions;
  }

  close(): Promise<void> {
    return this.#topics.close();
  }
}

interface OpenLane {
  readonly names: LaneNames;
  readonly topics: KafkaTopics;
  readonly positions: KnownTopic;
}

class KafkaLane implements StreamLane {
  readonly #client: Client;
  readonly #options: KafkaLogOptions;
  readonly #open: OpenLane;
  readonly #group: string;
  /** Finds the coordinator of the group; never joins it. */
  readonly #consumer: Consumer;

  constructor(client: Client, options: KafkaLogOptions, open: OpenLane) {
    this.#client = client;
    this.#options = options;
    this.#open = open;
    this.#group = `${options.prefix}${open.names.reader}`;
    this.#consumer = new client.Consumer({
      ...clientOptions(options, this.#group),
      ...answersWithin(options),
      groupId: this.#group,
    });
  }

  async fence(partition: number): Promise<FencedPartition> {
    const { prefix } = this.#options;
    const { inputTopic, outputs } = this.#open.names;
    const producer = new LaneProducer(this.#client, this.#options, this.#consumer, {
      group: this.#group,
      input: topicName(prefix, inputTopic),
      outputs: topicName(prefix, outputs),
      positions: this.#open.positions.name,
      partition,
    });
    try {
      await producer.fence();
      const left = await this.#left(partition);
      return { left, isShared: true, commit: (change) => producer.commit(change), close: () => producer.close() };
    } catch (error) {
      await producer.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#consumer.close(true).catch(() => undefined);
  }

  /** The newest position of a partition: the last record of a transaction that was committed. */
  async #left(partition: number): Promise<LanePosition | null> {
    const { topics, positions } = this.#open;
    const [{ [partition]: begin }, { [partition]: end }] = await Promise.all([
      topics.offsets([positions], EARLIEST).then((found) => found[positions.name]),
      topics.offsets([positions], LATEST).then((found) => found[positions.name]),
    ]);
    for (let back = LOOK_BACK; ; back *= 8) {
      const from = Math.max(begin, end - back);
      const last = (await this.#between(partition, from, end)).findLast(({ hidden }) => !hidden);
      if (last !== undefined) return decodePosition(positions.told, last.record);
      if (from <= begin) return null;
    }
  }

  async #between(partition: number, from: number, end: number): Promise<readonly FetchedAt[]> {
    const { topics, positions } = this.#open;
    const records: FetchedAt[] = [];
    for (let offset = from; offset < end; ) {
      const [found] = await topics.fetch([{ topic: positions, partition, offset }], FETCH_BYTES);
      if (found === undefined || found.next <= offset) break;
      records.push(...found.records.filter(({ at }) => at >= offset));
      offset = found.next;
    }
    return records;
  }
}
