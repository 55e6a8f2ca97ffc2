import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from '@platformatic/kafka';
import { type Client, clientOptions, type KafkaAddress } from './client.ts';
import { isAnswer } from './failure.ts';

export interface GroupMemberOptions extends KafkaAddress {
  readonly clientId: string;
  readonly group: string;
  /** The same for each life of what is one member: a new life takes the place of a dead one, which the group need not wait out. */
  readonly member: string;
  readonly topic: string;
}

/** Who cannot leave in this time is put out by the brokers, ms. */
const LEAVE_MS = 5_000;

/** What brokers say to whom they have put out, as after a long halt: the client would go on saying its old epoch. */
const PUT_OUT = 'UNKNOWN_MEMBER_ID';

/** What they say to who has not yet heard of a rebalance: it does with the next heartbeat. */
const BEHIND = 'STALE_MEMBER_EPOCH';
const BEHIND_TRIES = 20;
const BEHIND_MS = 250;

/**
 * Joins a consumer group (KIP-848) for one topic. The client is a member only while it has a stream; this one is never read:
 * who has the partitions fetches them itself.
 */
export async function joinGroup(client: Client, options: GroupMemberOptions): Promise<GroupMember> {
  const consumer = new client.Consumer({
    ...clientOptions(options, options.clientId),
    groupId: options.group,
    groupProtocol: 'consumer',
  });
  const member = new GroupMember(consumer, options.topic);
  try {
    await member.join(options.member);
    return member;
  } catch (error) {
    await member.leave();
    throw error;
  }
}

/** A member of a consumer group, which is told its partitions by the brokers. */
export class GroupMember {
  readonly #consumer: Consumer;
  readonly #topic: string;
  #isOut = false;

  constructor(consumer: Consumer, topic: string) {
    this.#consumer = consumer;
    this.#topic = topic;
    consumer.on('consumer:heartbeat:error', ({ error }) => {
      if (isAnswer(error, PUT_OUT)) this.#isOut = true;
    });
  }

  async join(id: string): Promise<void> {
    this.#consumer.memberId = id;
    const topics = [this.#topic];
    const stream = await this.#consumer.consume({ topics, mode: 'manual', offsets: [], autocommit: false });
    stream.on('error', () => {
      this.#isOut = true;
    });
  }

  /** Whether it has to be left, and the group to be joined anew. */
  get isOut(): boolean {
    return this.#isOut;
  }

  /** The partitions that it has by now. */
  partitions(): readonly number[] {
    const { assignments } = this.#consumer;
    // A topic that was made anew is none of those that the client knows.
    if (assignments?.some(({ topic }) => topic !== this.#topic) === true) this.#isOut = true;
    return assignments?.find(({ topic }) => topic === this.#topic)?.partitions ?? [];
  }

  /** Commits where partitions are to be read on. */
  async commit(next: ReadonlyMap<number, number>): Promise<void> {
    const offsets = [...next].map(([partition, offset]) => ({
      topic: this.#topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: -1,
    }));
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#consumer.commit({ offsets });
      } catch (error) {
        if (isAnswer(error, PUT_OUT)) this.#isOut = true;
        if (tries === BEHIND_TRIES || !isAnswer(error, BEHIND)) throw error;
      }
      await sleep(BEHIND_MS);
    }
  }

  async leave(): Promise<void> {
    const left = this.#consumer.close(true).catch(() => undefined);
    await Promise.race([left, sleep(LEAVE_MS, undefined, { ref: false })]);
  }
}
