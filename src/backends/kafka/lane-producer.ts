import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, Message, Producer } from '@platformatic/kafka';
import { fail } from '../../base/errors/fail.ts';
import type { LaneCommit } from '../../ports/stream-lanes.ts';
import { answersWithin, type Client, clientOptions } from './client.ts';
import type { KafkaLogOptions } from './event-log.ts';
import { isAnswer, kafkaFailure } from './failure.ts';
import { encodePosition } from './lane-position.ts';
import { encodeRecord, type RecordToSend } from './record.ts';

/** One partition of a lane, by the names that Kafka has for its topics. */
export interface LanePlace {
  readonly group: string;
  readonly input: string;
  readonly outputs: string;
  readonly positions: string;
  readonly partition: number;
}

/** Pause between tries while the brokers finish the transaction before, ms. */
const BUSY_MS = 4;

/**
 * The transactional producer of one partition of a lane. Its stable transactional id is the fence: a later producer of the id ends the
 * transaction of this one, and the brokers reject this one from then on.
 */
export class LaneProducer {
  readonly #options: KafkaLogOptions;
  readonly #producer: Producer;
  readonly #consumer: Consumer;
  readonly #place: LanePlace;
  /** Why it is done for; null: it is not. */
  #failure: Error | null = null;

  constructor(client: Client, options: KafkaLogOptions, consumer: Consumer, place: LanePlace) {
    this.#options = options;
    this.#consumer = consumer;
    this.#place = place;
    this.#producer = new client.Producer({
      ...clientOptions(options, place.outputs),
      ...answersWithin(options),
      // A transaction that fails is ended by the next fence: there is nothing to try again but answers that ask for it.
      retries: 1,
      retryDelay: 50,
      idempotent: true,
      acks: -1,
      transactionalId: `${place.outputs}-${place.partition}`,
      // Without its own id: the client sends 0 otherwise, which brokers take for an earlier life of the producer.
      producerId: -1n,
      producerEpoch: -1,
    });
  }

  /** Takes the transactional id over; the transaction of an earlier producer has ended then. Errors: LOG_*. */
  async fence(): Promise<void> {
    await this.#whileBusy(async () => {
      // One that could not begin would block the next.
      await this.#producer.transaction?.cancel();
      const transaction = await this.#producer.beginTransaction();
      // The brokers know of a transaction from its first partition on.
      await transaction.cancel();
    });
  }

  /** Errors: STREAM_FENCED, LOG_*; a producer that failed once commits nothing again. */
  async commit(change: LaneCommit): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    try {
      const transaction = await this.#producer.beginTransaction();
      const messages = this.#messagesOf(change);
      await this.#whileBusy(() => transaction.send({ messages: [...messages] }));
      await transaction.addConsumer(this.#consumer);
      await transaction.addOffset(await this.#offsetOf(change.next));
      await transaction.commit();
    } catch (error) {
      this.#failure = this.#failureOf(error);
      throw this.#failure;
    }
  }

  close(): Promise<void> {
    return this.#producer.close(true).catch(() => undefined);
  }

  #messagesOf(change: LaneCommit): readonly RecordToSend[] {
    const { outputs, positions, partition } = this.#place;
    const sent = change.records.map((record) => {
      const message = encodeRecord(outputs, partition, record);
      for (const [name, value] of Object.entries(record.headers))
        message.headers.set(Buffer.from(name), Buffer.from(value));
      return message;
    });
    return [...sent, encodePosition(positions, partition, change)];
  }

  /**
   * The next offset, as the last one that is done. No member is named: the group's epoch is not what fences, and a transaction without
   * one is rejected by its producer's epoch all the same.
   */
  async #offsetOf(next: number): Promise<Message> {
    const { group, input, partition } = this.#place;
    const coordinatorId = await this.#consumer.findGroupCoordinator();
    return {
      topic: input,
      partition,
      offset: BigInt(next - 1),
      key: Buffer.alloc(0),
      value: Buffer.alloc(0),
      timestamp: 0n,
      headers: new Map(),
      headerEntries: [],
      leaderEpoch: -1,
      metadata: { consumer: { groupId: group, generationId: -1, memberId: '', coordinatorId } },
      commit: () => undefined,
      toJSON: () => {
        throw new Error('it is no message that was read');
      },
    };
  }

  /** Tries again while the brokers still end the transaction before. */
  async #whileBusy(work: () => Promise<unknown>): Promise<void> {
    const end = performance.now() + this.#options.timeoutMs;
    for (;;) {
      try {
        await work();
        return;
      } catch (error) {
        if (!isAnswer(error, 'CONCURRENT_TRANSACTIONS') || performance.now() > end) throw this.#failureOf(error);
      }
      await sleep(BUSY_MS);
    }
  }

  #failureOf(error: unknown): Error {
    const { outputs: topic, partition } = this.#place;
    const isFenced = FENCED.some((answer) => isAnswer(error, answer));
    return isFenced ? fail('STREAM_FENCED', { topic, partition }, error) : kafkaFailure(error, this.#options, topic);
  }
}

/** Answers of brokers to a producer whose transactional id another one has taken over, or whose transaction they have ended. */
const FENCED = [
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
] as const;
