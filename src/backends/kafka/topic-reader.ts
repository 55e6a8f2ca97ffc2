import { fail } from '../../base/errors/fail.ts';
import type { Position } from '../../ports/position.ts';
import type { TopicEnds } from '../../ports/tile-topics.ts';
import { type KafkaAddress, loadClient } from './client.ts';
import { isAnswer } from './failure.ts';
import type { Fetched, Place } from './fetched.ts';
import { EARLIEST, KafkaTopics, type KnownTopic, LATEST } from './topics.ts';

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

/** Fetched records of some topics, and the next position. */
export interface FetchedTopics {
  /** Values in the order of their partition, and where each stands; a key that was taken away has none. */
  readonly records: readonly FetchedValue[];
  readonly next: Position;
  readonly hasMore: boolean;
}

/** The value of a record, and its place. */
export interface FetchedValue {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Uint8Array;
}

/** The limit of the largest record. */
const MOST_RECORD_BYTES = 32 * 2 ** 20;

const FETCH_BYTES = 4 * 2 ** 20;

/** Opens compacted topics to be read by offset, made where they are absent. Errors: LOG_*. */
export async function openTopicReader(options: TopicReaderOptions): Promise<TopicReader> {
  const topics = new KafkaTopics(await loadClient(), options, options.clientId);
  try {
    const declared = options.topics.map(({ name, keptMs }) => ({ name, told: name, settings: settingsOf(keptMs) }));
    return new TopicReader(topics, await topics.open(declared, options.partitions, options.replicas));
  } catch (error) {
    await topics.close();
    throw error;
  }
}

function settingsOf(keptMs: number): Readonly<Record<string, string>> {
  const finite = Number.isFinite(keptMs);
  return {
    'cleanup.policy': finite ? 'compact,delete' : 'compact',
    'retention.ms': finite ? String(Math.ceil(keptMs)) : '-1',
    'max.message.bytes': String(MOST_RECORD_BYTES + 2 ** 20),
  };
}

/** Compacted topics of one cluster, all read in one request to each broker. */
export class TopicReader {
  readonly #topics: KafkaTopics;
  readonly #known: readonly KnownTopic[];
  #ends: Position = {};

  constructor(topics: KafkaTopics, known: readonly KnownTopic[]) {
    this.#topics = topics;
    this.#known = known;
  }

  async ends(): Promise<TopicEnds> {
    const begins = await this.#topics.offsets(this.#known, EARLIEST);
    this.#ends = await this.#topics.offsets(this.#known, LATEST);
    return { begins, ends: this.#ends };
  }

  /** Where the topics ended when a broker last said it. */
  get knownEnds(): Position {
    return this.#ends;
  }

  /**
   * The records from a position, as many as one fetch returns; waits up to this many ms for the first. Of these partitions of each
   * topic; default: all. Errors: LOG_TRIMMED, LOG_*.
   */
  async read(from: Position, waitMs = 0, partitions?: readonly number[]): Promise<FetchedTopics> {
    const next = copyOf(from);
    const ends = copyOf({ ...from, ...this.#ends });
    const values: FetchedValue[] = [];
    let hasMore = false;
    for (const { topic, partition, records, next: behind, end } of await this.#fetch(from, waitMs, partitions)) {
      const offsets = next[topic.name];
      for (const { at, record, hidden } of records)
        if (!hidden && at >= offsets[partition] && record.value !== null && record.value.length > 0)
          values.push({ topic: topic.name, partition, offset: at, value: record.value });
      offsets[partition] = behind;
      ends[topic.name][partition] = end;
      hasMore ||= behind < end;
    }
    this.#ends = ends;
    return { records: values, next, hasMore };
  }

  async close(): Promise<void> {
    await this.#topics.close();
  }

  /** The fault of a failed fetch: LOG_TRIMMED if a topic now starts after the position. */
  async #trimmed(places: readonly Place[], error: unknown): Promise<unknown> {
    if (!isAnswer(error, 'OFFSET_OUT_OF_RANGE')) return error;
    const begins = await this.#topics.offsets(this.#known, EARLIEST);
    const lost = places.find(({ topic, partition, offset }) => offset < begins[topic.name][partition]);
    if (lost === undefined) return error;
    const { topic, partition, offset } = lost;
    return fail('LOG_TRIMMED', { topic: topic.told, partition, offset, begin: begins[topic.name][partition] }, error);
  }

  /** Again and again until there is something: of several brokers each is waited for only briefly. */
  async #fetch(from: Position, waitMs: number, partitions?: readonly number[]): Promise<readonly Fetched[]> {
    const all = this.#known.flatMap((topic) =>
      from[topic.name].map((offset, partition) => ({ topic, partition, offset })),
    );
    const places = partitions === undefined ? all : all.filter(({ partition }) => partitions.includes(partition));
    const until = performance.now() + waitMs;
    for (let rest = waitMs; ; rest = until - performance.now()) {
      const found = await this.#topics
        .fetch(places, FETCH_BYTES, Math.ceil(Math.max(0, rest)))
        .catch(async (error: unknown) => Promise.reject(await this.#trimmed(places, error)));
      if (rest <= 0 || found.some(({ records }) => records.length > 0)) return found;
    }
  }
}

function copyOf(position: Position): Record<string, number[]> {
  return Object.fromEntries(Object.entries(position).map(([topic, offsets]) => [topic, [...offsets]]));
}
