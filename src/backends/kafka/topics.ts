import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer } from '@platformatic/kafka';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { turnsInOrder } from '../../base/in-turn.ts';
import type { Position } from '../../ports/position.ts';
import { answersWithin, type Client, clientOptions, type KafkaAddress } from './client.ts';
import { isAnswer, kafkaFailure } from './failure.ts';
import { type Fetched, fetchedOf, type Place } from './fetched.ts';

/** A topic to be opened; made where it is absent. */
export interface DeclaredTopic {
  readonly name: string;
  /** Its name in errors. */
  readonly told: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** A topic that is there. */
export interface KnownTopic {
  readonly name: string;
  readonly told: string;
  readonly id: string;
  readonly partitions: number;
}

/** Special times of the protocol: the end of the committed records, the begin. */
export const LATEST = -1n;
export const EARLIEST = -2n;

/** The isolation level of the protocol that leaves out transactions that are open. */
export const READ_COMMITTED = 1;

/** The number of queries for a new topic, and the pause between them, ms. */
const MADE_TRIES = 20;
const MADE_MS = 250;

/** A fetch from several brokers waits at most this long at each, ms. */
const WAIT_OF_SEVERAL_MS = 20;

/** Topics of one cluster, made, asked about and read by offset; no group is joined. Errors of all calls: LOG_*. */
export class KafkaTopics {
  readonly admin: Admin;
  readonly #address: KafkaAddress;
  readonly #consumer: Consumer;
  readonly #inTurn = turnsInOrder();

  constructor({ Admin, Consumer }: Client, address: KafkaAddress, clientId: string) {
    this.#address = address;
    const base = { ...clientOptions(address, clientId), ...answersWithin(address) };
    this.admin = new Admin(base);
    // Never joins its group.
    this.#consumer = new Consumer({ ...base, groupId: `${clientId}-fetch` });
  }

  /** Opens topics, all with this number of partitions. Errors: LOG_TOPIC, LOG_PARTITIONS. */
  async open(topics: readonly DeclaredTopic[], partitions: number, replicas: number): Promise<readonly KnownTopic[]> {
    for (const topic of topics) await this.#create(topic, partitions, replicas);
    const names = topics.map(({ name }) => name);
    const metadata = await this.#made(topics[0]?.told ?? '', names);
    return topics.map(({ name, told }) => {
      const found = metadata.topics.get(name);
      if (found === undefined) throw fail('LOG_TOPIC', { topic: told });
      if (found.partitionsCount !== partitions)
        throw fail('LOG_PARTITIONS', { topic: told, partitions: found.partitionsCount, asked: partitions });
      return { name, told, id: found.id, partitions };
    });
  }

  /** The brokers' metadata of topics; some brokers learn of a new topic a moment later. */
  async #made(told: string, topics: string[]): Promise<Awaited<ReturnType<Admin['metadata']>>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.ask(told, () => this.admin.metadata({ topics, forceUpdate: true }));
      } catch (error) {
        if (tries === MADE_TRIES || !isHeadraceError(error, 'LOG_TOPIC')) throw error;
      }
      await sleep(MADE_MS);
    }
  }

  /** A topic as it is now. Error: LOG_TOPIC. */
  async known(name: string): Promise<KnownTopic> {
    const metadata = await this.ask(name, () => this.admin.metadata({ topics: [name], forceUpdate: true }));
    const found = metadata.topics.get(name);
    if (found === undefined) throw fail('LOG_TOPIC', { topic: name });
    return { name, told: name, id: found.id, partitions: found.partitionsCount };
  }

  /** The offset of a time in every partition of topics, by their names. */
  async offsets(topics: readonly KnownTopic[], timestamp: bigint): Promise<Position> {
    const asked = topics.map(({ name, partitions }) => ({
      name,
      partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp })),
    }));
    const found = await this.ask(topics[0]?.told ?? '', () =>
      this.admin.listOffsets({ topics: asked, isolationLevel: READ_COMMITTED }),
    );
    return Object.fromEntries(
      asked.map(({ name, partitions }) => {
        const offsets = partitions.map(() => 0);
        for (const { partitionIndex, offset } of found.find((topic) => topic.name === name)?.partitions ?? [])
          offsets[partitionIndex] = Number(offset);
        return [name, offsets];
      }),
    );
  }

  /** The records at some positions, with one request to each broker, which waits up to this many ms for a first record. */
  fetch(places: readonly Place[], maxBytes: number, waitMs = 0): Promise<readonly Fetched[]> {
    // One fetch at a time: the client holds one session with each broker, whose requests follow each other.
    const told = places[0]?.topic.told ?? '';
    return this.#inTurn(() => this.ask(told, () => this.#fetch(places, maxBytes, waitMs)));
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#consumer.close(true), this.admin.close()]);
  }

  /** Works with the client; what it throws becomes an error of the catalogue. */
  async ask<T>(topic: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw kafkaFailure(error, this.#address, topic);
    }
  }

  async #create({ name, told, settings }: DeclaredTopic, partitions: number, replicas: number): Promise<void> {
    const configs = Object.entries(settings).map(([config, value]) => ({ name: config, value }));
    await this.ask(told, () =>
      this.admin.createTopics({ topics: [name], partitions, replicas, configs }).catch((error: unknown) => {
        if (!isAnswer(error, 'TOPIC_ALREADY_EXISTS')) throw error;
      }),
    );
  }

  async #fetch(places: readonly Place[], maxBytes: number, waitMs: number): Promise<readonly Fetched[]> {
    const names = [...new Set(places.map(({ topic }) => topic.name))];
    const metadata = await this.admin.metadata({ topics: names });
    const leaderOf = ({ topic, partition }: Place) =>
      metadata.topics.get(topic.name)?.partitions[partition]?.leader ?? 0;
    const brokers = Map.groupBy(places, leaderOf);
    // The answer of one broker is kept until the others have answered.
    const maxWaitTime = brokers.size > 1 ? Math.min(waitMs, WAIT_OF_SEVERAL_MS) : waitMs;
    const found = [...brokers].map(([node, led]) => this.#fetchOf(node, led, { maxBytes, maxWaitTime }));
    return (await Promise.all(found)).flat();
  }

  async #fetchOf(
    node: number,
    led: readonly Place[],
    limits: { readonly maxBytes: number; readonly maxWaitTime: number },
  ): Promise<readonly Fetched[]> {
    const topics = [...Map.groupBy(led, ({ topic }) => topic.id)].map(([topicId, of]) => ({
      topicId,
      partitions: of.map(({ partition, offset }) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch: -1,
        partitionMaxBytes: limits.maxBytes,
      })),
    }));
    const answer = await this.#consumer.fetch({ node, minBytes: 1, ...limits, topics });
    return answer.responses.flatMap(({ topicId, partitions }) =>
      partitions.flatMap((found) => {
        const place = led.find(({ topic, partition }) => topic.id === topicId && partition === found.partitionIndex);
        return place === undefined ? [] : [fetchedOf(place, found)];
      }),
    );
  }
}
