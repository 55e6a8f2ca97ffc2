import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { SourceTopic, TopicBatch, TopicLag, TopicPlaces, TopicRecord } from '../../ports/source-topic.ts';
import { type Client, loadClient } from './client.ts';
import { isAnswer, topicFailure } from './failure.ts';
import type { Fetched } from './fetched.ts';
import { type GroupMember, type GroupMemberOptions, joinGroup } from './group-member.ts';
import { decodeRecord, type FetchedRecord } from './record.ts';
import { EARLIEST, KafkaTopics, type KnownTopic, LATEST } from './topics.ts';

/** Where a partition is read that the member has. */
interface Reading {
  /** Where it reads on. */
  readonly next: number;
  readonly end: number;
  readonly committed: number;
}

/** The limit of one answer; a larger batch of records is returned whole. */
const FETCH_BYTES = 4 * 2 ** 20;

/** A member without partitions looks again after this, ms. */
const IDLE_MS = 100;

/** Opens a topic that others write, joined with the first read: brokers that are away hold nothing up. Error: LOG_CLIENT. */
export async function openSourceTopic(options: GroupMemberOptions): Promise<SourceTopic> {
  return new KafkaSourceTopic(await loadClient(), options);
}

class KafkaSourceTopic implements SourceTopic {
  readonly name: string;
  readonly #client: Client;
  readonly #options: GroupMemberOptions;
  readonly #topics: KafkaTopics;
  readonly #readings = new Map<number, Reading>();
  #known: KnownTopic | null = null;
  #member: GroupMember | null = null;
  /** How often it has joined. */
  #life = 0;
  /** Whether what the group has committed is of a topic of that name that is gone. */
  #isRemade = false;
  #told: HeadraceError[] = [];
  #lost = 0;
  #isClosed = false;

  constructor(client: Client, options: GroupMemberOptions) {
    this.name = options.topic;
    this.#client = client;
    this.#options = options;
    this.#topics = new KafkaTopics(client, options, options.clientId);
  }

  async read(waitMs: number): Promise<TopicBatch> {
    try {
      const known = await this.#join();
      await this.#take(known);
      if (this.#readings.size > 0) return this.#batchOf(await this.#fetch(this.#known ?? known, waitMs));
      await sleep(Math.min(waitMs, IDLE_MS));
      return this.#batchOf([]);
    } catch (error) {
      throw await this.#failed(error);
    }
  }

  async commit({ life, offsets }: TopicPlaces): Promise<void> {
    const member = this.#member;
    if (life !== this.#life) return;
    const has = new Set(member?.partitions());
    const own = [...offsets].filter(([partition, offset]) => {
      const reading = this.#readings.get(partition);
      return reading !== undefined && has.has(partition) && offset > reading.committed && offset <= reading.next;
    });
    if (member === null || own.length === 0) return;
    try {
      await member.commit(new Map(own));
    } catch (error) {
      throw await this.#failed(error);
    }
    for (const [partition, committed] of own) {
      const reading = this.#readings.get(partition);
      if (reading !== undefined) this.#readings.set(partition, { ...reading, committed });
    }
  }

  lag(): readonly TopicLag[] {
    return [...this.#readings].map(([partition, { committed, end }]) => ({
      partition,
      behind: Math.max(0, end - committed),
    }));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#leave();
    await this.#topics.close();
  }

  /** Joins the group, again if it was removed. */
  async #join(): Promise<KnownTopic> {
    if (this.#member !== null && this.#known !== null && !this.#member.isOut) return this.#known;
    await this.#leave();
    const known = await this.#topics.known(this.name);
    if (this.#known !== null && this.#known.id !== known.id) {
      this.#isRemade = true;
      this.#told.push(fail('TOPIC_REMADE', { topic: this.name }));
    } else if (this.#known !== null) this.#tellPartitions(this.#known, known);
    this.#known = known;
    this.#life += 1;
    const member = await joinGroup(this.#client, this.#options);
    this.#member = member;
    // It may have been closed meanwhile.
    if (this.#isClosed) await this.#leave();
    return known;
  }

  async #leave(): Promise<void> {
    const member = this.#member;
    this.#member = null;
    this.#readings.clear();
    await member?.leave();
  }

  #tellPartitions(before: KnownTopic, now: KnownTopic): void {
    const { partitions } = now;
    if (partitions === before.partitions) return;
    this.#told.push(fail('TOPIC_PARTITIONS', { topic: this.name, partitions, before: before.partitions }));
  }

  /** Drops the partitions that the member has lost, and finds the positions of its new ones. */
  async #take(known: KnownTopic): Promise<void> {
    const has = this.#member?.partitions() ?? [];
    for (const partition of this.#readings.keys()) if (!has.includes(partition)) this.#readings.delete(partition);
    const gained = has.filter((partition) => !this.#readings.has(partition));
    if (gained.length === 0) return;
    const now = gained.some((partition) => partition >= known.partitions) ? await this.#topics.known(this.name) : known;
    // Another topic of that name: join again.
    if (now.id !== known.id) return this.#leave();
    this.#tellPartitions(known, now);
    this.#known = now;
    const committed = this.#isRemade ? new Map<number, number>() : await this.#committed(gained);
    const ends = await this.#endsOf(now);
    for (const partition of gained) this.#begin(partition, committed.get(partition) ?? null, ends(partition));
    // Commits are of the new topic from now on.
    this.#isRemade = false;
  }

  async #endsOf(known: KnownTopic): Promise<(partition: number) => { readonly begin: number; readonly end: number }> {
    const begins = await this.#topics.offsets([known], EARLIEST);
    const ends = await this.#topics.offsets([known], LATEST);
    return (partition) => ({ begin: begins[known.name][partition], end: ends[known.name][partition] });
  }

  /** The committed positions of the group, by partition. */
  async #committed(partitionIndexes: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const topics = [{ name: this.name, partitionIndexes: [...partitionIndexes] }];
    const groupId = this.#options.group;
    const [group] = await this.#topics.ask(this.name, () =>
      this.#topics.admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }] }),
    );
    const found = group?.topics.flatMap(({ partitions }) => partitions) ?? [];
    return new Map(
      found
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
    );
  }

  /** Reads a partition from a place (null: the begin), or from its begin where the place is not there. */
  #begin(partition: number, at: number | null, { begin, end }: { readonly begin: number; readonly end: number }): void {
    const topic = this.name;
    if (at !== null && at < begin) {
      this.#lost += begin - at;
      this.#told.push(fail('TOPIC_LOST', { topic, partition, from: at, to: begin - 1, records: begin - at }));
    }
    // Beyond the end: the commit is of another topic of that name.
    if (at !== null && at > end) this.#told.push(fail('TOPIC_REMADE', { topic }));
    const next = at === null || at < begin || at > end ? begin : at;
    this.#readings.set(partition, { next, end, committed: next });
  }

  async #fetch(known: KnownTopic, waitMs: number): Promise<readonly Fetched[]> {
    const places = [...this.#readings].map(([partition, { next }]) => ({ topic: known, partition, offset: next }));
    try {
      return await this.#topics.fetch(places, FETCH_BYTES, waitMs);
    } catch (error) {
      if (!isAnswer(error, 'OFFSET_OUT_OF_RANGE')) throw error;
      const ends = await this.#endsOf(known);
      for (const { partition, offset } of places) this.#beginAnew(partition, offset, ends(partition));
      return [];
    }
  }

  #beginAnew(partition: number, at: number, ends: { readonly begin: number; readonly end: number }): void {
    if (at < ends.begin || at > ends.end) this.#begin(partition, at, ends);
  }

  #batchOf(fetched: readonly Fetched[]): TopicBatch {
    const records: TopicRecord[] = [];
    const next = new Map<number, number>();
    for (const { partition, records: found, next: behind, end } of fetched) {
      const reading = this.#readings.get(partition);
      if (reading === undefined) continue;
      for (const { at, record, hidden, ingestTs } of found)
        if (at >= reading.next && !hidden) records.push(topicRecord(partition, at, record, ingestTs));
      if (behind > reading.next) next.set(partition, behind);
      this.#readings.set(partition, { ...reading, next: behind, end: Math.max(end, behind) });
    }
    const places = { life: this.#life, offsets: next };
    const batch = { records, next: places, told: this.#told, lost: this.#lost };
    this.#told = [];
    this.#lost = 0;
    return batch;
  }

  /** The fault; for a deleted topic, the member joins again. */
  async #failed(error: unknown): Promise<Error> {
    const failure = topicFailure(error, this.#options, this.name, this.#options.group);
    if (isHeadraceError(failure, 'TOPIC_ABSENT')) await this.#leave();
    return failure;
  }
}

function topicRecord(partition: number, offset: number, record: FetchedRecord, ingestTs: number): TopicRecord {
  const logged = decodeRecord(record, ingestTs);
  return { partition, offset, key: record.key, value: record.value, ...(logged === null ? {} : { logged }) };
}
