import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type HeadraceError } from '../../src/base/errors/fail.ts';
import type { LogRecord } from '../../src/ports/event-log.ts';
import type { SourceTopic, TopicBatch, TopicLag, TopicPlaces, TopicRecord } from '../../src/ports/source-topic.ts';

/** The records of a topic of one group, and the members that share its partitions. */
export class MemoryTopic {
  readonly name: string;
  readonly partitions: readonly { begin: number; committed: number | null; readonly records: TopicRecord[] }[];
  readonly #members: MemorySourceTopic[] = [];

  constructor(name: string, partitions: number) {
    this.name = name;
    this.partitions = Array.from({ length: partitions }, () => ({ begin: 0, committed: null, records: [] }));
  }

  write(partition: number, key: Uint8Array | null, value: Uint8Array | null, logged?: LogRecord): void {
    const { records } = this.partitions[partition];
    const record = { partition, offset: records.length, key, value };
    records.push(logged === undefined ? record : { ...record, logged });
  }

  /** Deletes the records before an offset. */
  trim(partition: number, offset: number): void {
    this.partitions[partition].begin = offset;
  }

  join(): SourceTopic {
    const member = new MemorySourceTopic(this);
    this.#members.push(member);
    return member;
  }

  leave(member: MemorySourceTopic): void {
    this.#members.splice(this.#members.indexOf(member), 1);
  }

  /** The partitions of a member, in turn. */
  of(member: MemorySourceTopic): readonly number[] {
    const at = this.#members.indexOf(member);
    return [...this.partitions.keys()].filter((partition) => partition % this.#members.length === at);
  }
}

class MemorySourceTopic implements SourceTopic {
  readonly name: string;
  readonly #topic: MemoryTopic;
  readonly #next = new Map<number, number>();

  constructor(topic: MemoryTopic) {
    this.name = topic.name;
    this.#topic = topic;
  }

  async read(waitMs: number): Promise<TopicBatch> {
    for (const until = performance.now() + waitMs; ; await sleep(1)) {
      const batch = this.#read();
      if (batch.records.length > 0 || batch.told.length > 0 || performance.now() >= until) return batch;
    }
  }

  async commit({ offsets }: TopicPlaces): Promise<void> {
    const own = this.#topic.of(this);
    for (const [partition, offset] of offsets)
      if (own.includes(partition)) this.#topic.partitions[partition].committed = offset;
  }

  lag(): readonly TopicLag[] {
    return this.#topic.of(this).map((partition) => {
      const { begin, committed, records } = this.#topic.partitions[partition];
      return { partition, behind: records.length - (committed ?? begin) };
    });
  }

  async close(): Promise<void> {
    this.#topic.leave(this);
  }

  #read(): TopicBatch {
    const own = this.#topic.of(this);
    for (const partition of this.#next.keys()) if (!own.includes(partition)) this.#next.delete(partition);
    const told: HeadraceError[] = [];
    const records: TopicRecord[] = [];
    const offsets = new Map<number, number>();
    let lost = 0;
    for (const partition of own) {
      const { begin, committed, records: all } = this.#topic.partitions[partition];
      const at = this.#next.get(partition) ?? committed ?? begin;
      if (at < begin) {
        lost += begin - at;
        const { name: topic } = this;
        told.push(fail('TOPIC_LOST', { topic, partition, from: at, to: begin - 1, records: begin - at }));
      }
      records.push(...all.slice(Math.max(at, begin)));
      this.#next.set(partition, all.length);
      if (all.length > at) offsets.set(partition, all.length);
    }
    return { records, next: { life: 0, offsets }, told, lost };
  }
}
