import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Producer } from '@platformatic/kafka';
import type { Slice } from '../../examples/personalisation/traffic.ts';
import { loadClient } from '../../src/backends/kafka/client.ts';
import { joinGroup } from '../../src/backends/kafka/group-member.ts';

const PARTITIONS = 4;

/** How long a stranger keeps the partitions that it gets, ms. */
const STRANGER_MS = 15_000;

/** A topic of another service, to which it writes what is clicked, under the key of the user. */
export class ClicksTopic {
  readonly name: string;
  readonly #group: string;
  readonly #client: { readonly clientId: string; readonly bootstrapBrokers: string[] };
  readonly #producer: Producer;

  private constructor(namespace: string, brokers: readonly string[]) {
    this.name = `shop-${namespace}.clicks`;
    this.#group = `${namespace}.clicks.1.taken`;
    this.#client = { clientId: 'shop', bootstrapBrokers: [...brokers] };
    this.#producer = new Producer({ ...this.#client, retries: 20 });
  }

  static async make(namespace: string, brokers: readonly string[]): Promise<ClicksTopic> {
    const topic = new ClicksTopic(namespace, brokers);
    const admin = new Admin(topic.#client);
    await admin.createTopics({ topics: [topic.name], partitions: PARTITIONS, replicas: 1 });
    await admin.close();
    return topic;
  }

  async write(clicks: Slice['clicks']): Promise<void> {
    if (clicks.length === 0) return;
    const messages = clicks.map((click) => ({
      topic: this.name,
      key: Buffer.from(click.user),
      value: Buffer.from(JSON.stringify(click)),
    }));
    await this.#producer.send({ messages, acks: -1 });
  }

  /** A member that takes nothing joins the group that reads the topic, gets a part of its partitions, and leaves. */
  async rebalance(): Promise<void> {
    const stranger = await joinGroup(await loadClient(), {
      brokers: this.#client.bootstrapBrokers,
      timeoutMs: 10_000,
      clientId: 'stranger',
      group: this.#group,
      member: randomUUID(),
      topic: this.name,
    });
    while (stranger.partitions().length === 0) await sleep(100);
    await sleep(STRANGER_MS);
    await stranger.leave();
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}
