import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer } from '@platformatic/kafka';
import { type Client, clientOptions, type KafkaAddress } from './client.ts';
import { isAnswer } from './failure.ts';

export interface GroupMemberOptions extends KafkaAddress {
  readonly clientId: string;
  readonly group: string;
  /** The same for each life of a member: a new life replaces a dead one at once, without a timeout of the group. */
  readonly member: string;
  readonly topic: string;
}

/** The time limit of leaving, ms; after it the brokers remove the member. */
const LEAVE_MS = 5_000;

/** The error of brokers for a removed member, as after a long pause: the client would keep sending its old epoch. */
const PUT_OUT = 'UNKNOWN_MEMBER_ID';

/** The error for a member that has not received a rebalance yet: it does with the next heartbeat. */
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

/** A member of a consumer group, whose partitions the brokers assign. */
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

  /** Whether the member has to leave and join the group again. */
  get isOut(): boolean {
    return this.#isOut;
  }

  /** The partitions that it has by now. */
  partitions(): readonly number[] {
    const { assignments } = this.#consumer;
    // The client does not know a topic that was created again.
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
