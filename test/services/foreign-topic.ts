import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Producer } from '@platformatic/kafka';
import { expect } from 'vitest';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { addressOf } from './addresses.ts';
import { project, service } from './clicks.ts';
import { until } from './until.ts';

/** Events of one call of the producer. */
const BATCH = 2_000;

export interface Sent {
  readonly id: string;
  readonly at: number;
  readonly user: string;
  readonly ms: number;
}

/** A topic that another service writes, keyed by user, and what every user's answer must be. */
export class ForeignTopic {
  readonly brokers: readonly string[] = addressOf('KAFKA_BROKERS');
  readonly name = `shop-${randomUUID().slice(0, 8)}.clicks`;
  readonly namespace = `topics-${randomUUID().slice(0, 8)}`;
  readonly users = Array.from({ length: 20 }, (_, i) => `user ${i}`);
  readonly faults: unknown[] = [];
  readonly sent: Sent[] = [];
  readonly ending: (() => unknown)[] = [];
  readonly #client = { clientId: 'shop', bootstrapBrokers: [...this.brokers] };
  readonly admin = new Admin(this.#client);

  static async make(partitions: number): Promise<ForeignTopic> {
    const topic = new ForeignTopic();
    await topic.create(partitions);
    return topic;
  }

  async create(partitions: number): Promise<void> {
    const configs = [{ name: 'max.message.bytes', value: String(20 * 2 ** 20) }];
    await this.admin.createTopics({ topics: [this.name], partitions, replicas: 1, configs });
  }

  /** This many new events, each under its user's key, and after each batch some of them once more. */
  async send(events: number, partitions: number, redelivered = 0): Promise<void> {
    for (let from = 0; from < events; from += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, events - from) }, () => {
        const n = this.sent.length;
        const event = { id: `e${n}`, at: Date.now() - (n % 90) * 1_000, user: this.users[n % 20], ms: n % 97 };
        this.sent.push(event);
        return event;
      });
      await this.write([...batch, ...batch.slice(0, redelivered)], partitions);
    }
  }

  async write(events: readonly Sent[], partitions: number): Promise<void> {
    const messages = events.map((event) => ({
      topic: this.name,
      partition: this.users.indexOf(event.user) % partitions,
      key: Buffer.from(event.user),
      value: Buffer.from(JSON.stringify(event)),
    }));
    await this.produce(messages);
  }

  /** Writes values as they are; undefined: none. */
  async writeRaw(partition: number, values: readonly (string | undefined)[]): Promise<void> {
    const messages = values.map((value) => ({
      topic: this.name,
      partition,
      key: Buffer.from('key'),
      ...(value === undefined ? {} : { value: Buffer.from(value) }),
    }));
    await this.produce(messages);
  }

  /** By its own producer: one that does not know yet of a partition writes to another. */
  async produce(messages: Parameters<Producer['send']>[0]['messages']) {
    const producer = new Producer(this.#client);
    try {
      return await producer.send({ messages, acks: -1 });
    } finally {
      await producer.close();
    }
  }

  environment(more: EnvironmentOptions = {}): EnvironmentOptions & { readonly directory: string } {
    const directory = mkdtempSync(join(tmpdir(), 'topics-'));
    this.ending.push(() => rmSync(directory, { recursive: true, force: true }));
    return {
      namespace: this.namespace,
      partitions: 2,
      sources: { clicks: { kind: 'kafka', brokers: [...this.brokers], topic: this.name } },
      ...more,
      directory,
    };
  }

  async open(environment: EnvironmentOptions): Promise<Headrace> {
    const headrace = await openHeadrace({ project, environment, onFault: (error) => this.faults.push(error) });
    this.ending.push(() => headrace.close().catch(() => undefined));
    await headrace.takeTopics();
    return headrace;
  }

  /** The plain count: each id once. */
  expected(): readonly unknown[] {
    const byId = new Map(this.sent.map((event) => [event.id, event]));
    return this.users.map((user) => {
      const own = [...byId.values()].filter((event) => event.user === user);
      return { n: own.length, ms: own.length === 0 ? null : own.reduce((sum, { ms }) => sum + ms, 0) };
    });
  }

  told(headrace: Headrace): Promise<readonly unknown[]> {
    return Promise.all(
      this.users.map(async (user) => {
        const { features } = await headrace.vector(service, { user });
        return { n: features.u_n_1h, ms: features.u_ms_1h };
      }),
    );
  }

  /** Waits until a process answers with every event, once. */
  whole(headrace: Headrace): Promise<void> {
    return until(async () => {
      expect(await this.told(headrace)).toEqual(this.expected());
      return true;
    });
  }

  async end(): Promise<void> {
    for (const end of this.ending.splice(0).reverse()) await end();
    await this.admin.deleteTopics({ topics: [this.name] }).catch(() => undefined);
    await this.admin.close();
  }
}
