import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, Producer } from '@platformatic/kafka';
import { afterEach, describe, expect, test } from 'vitest';
import { newBroker, startBroker } from '../../scripts/services/kafka.ts';
import { type Server, stopServer } from '../../scripts/services/server.ts';
import { openKafkaLog } from '../../src/backends/kafka/event-log.ts';
import { encodeRecord } from '../../src/backends/kafka/record.ts';
import { topicName } from '../../src/backends/kafka/topic-name.ts';
import { openTopicReader } from '../../src/backends/kafka/topic-reader.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import type { EventLog, LogRecord } from '../../src/ports/event-log.ts';
import type { Position } from '../../src/ports/position.ts';
import { eventLogContracts, logRecordAt } from '../../src/testing/contracts/event-log.ts';
import { addressOf } from './addresses.ts';
import { until } from './until.ts';
import { untilMarked } from './until-marked.ts';

const TOPIC = 'orders@1';

const brokers = addressOf('KAFKA_BROKERS');

function newPrefix(): string {
  return `test-${randomUUID().slice(0, 8)}.`;
}

function open(prefix: string, at = brokers): Promise<EventLog> {
  return openKafkaLog({ brokers: at, prefix, replicas: 1, timeoutMs: 10_000 });
}

const readerOptions = { brokers, clientId: 'test', timeoutMs: 10_000, partitions: 1, replicas: 1 } as const;

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function opened(prefix = newPrefix(), partitions = 1): Promise<EventLog> {
  const log = await open(prefix);
  closing.push(() => log.close());
  await log.openTopic(TOPIC, partitions);
  return log;
}

async function admin(): Promise<Admin> {
  const client = new Admin({ clientId: 'test', bootstrapBrokers: [...brokers] });
  closing.push(() => client.close());
  return client;
}

async function readAll(log: EventLog): Promise<readonly LogRecord[]> {
  const [{ end }] = await log.ends(TOPIC);
  const all: LogRecord[] = [];
  while (all.length < end) all.push(...(await log.read(TOPIC, 0, all.length, 1_000)).records);
  return all;
}

/** The records from an offset on, in reads of some. */
async function placesFrom(log: EventLog, from: number, most: number): Promise<readonly LogRecord[]> {
  const places: LogRecord[] = [];
  for (;;) {
    const { records } = await log.read(TOPIC, 0, from + places.length, most);
    if (records.length === 0) return places;
    places.push(...records);
  }
}

function transactionalWriter(name: string): Producer {
  const producer = new Producer({
    clientId: 'test-writer',
    bootstrapBrokers: [...brokers],
    transactionalId: name,
    idempotent: true,
    producerId: -1n,
    producerEpoch: -1,
  });
  closing.push(() => producer.close(true));
  return producer;
}

describe('event log on Kafka', () => {
  const lacks: readonly string[] = ['oneWriter', 'blank', 'beginAt', 'heads'];
  const rules = eventLogContracts.filter(({ needs }) => !needs.some((need) => lacks.includes(need)));
  test.each(rules)('rule $rule: $name', async ({ run }) => {
    const prefix = newPrefix();
    await run({ open: () => open(prefix) });
  });

  test('appends that are sent at once to a partition stand in the order of the calls', async () => {
    const log = await opened();
    const offsets = await Promise.all(
      Array.from({ length: 200 }, (_, i) => log.append(TOPIC, 0, [logRecordAt(2 * i, i), logRecordAt(2 * i + 1, i)])),
    );
    expect(offsets).toEqual(offsets.map((_, i) => 2 * i));
    expect((await readAll(log)).map(({ id }) => id)).toEqual(Array.from({ length: 400 }, (_, i) => `e${i}`));
  });

  test('of appends that go together each has its own end: those refused change nothing of the others', async () => {
    const log = await opened();
    const large = { ...logRecordAt(9), payload: new Uint8Array(40_000_000) };
    const huge = (i: number) => ({ ...logRecordAt(i), payload: new Uint8Array(20_000_000) });
    const results = await Promise.allSettled([
      log.append(TOPIC, 0, [logRecordAt(0), logRecordAt(1)]),
      log.append(TOPIC, 0, [large]),
      log.append(
        TOPIC,
        0,
        // Ingest times that go back within an append.
        [logRecordAt(1), { ...logRecordAt(0), ingestTs: -1 }],
      ),
      log.append(TOPIC, 0, [logRecordAt(2)]),
      log.append(TOPIC, 0, [huge(3)]),
      log.append(TOPIC, 0, [huge(4)]),
      log.append(TOPIC, 0, []),
    ]);
    const told = results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code));
    expect(told).toEqual([0, 'LOG_SIZE', 'LOG_ORDER', 2, 3, 4, 5]);
    await expect(log.append(TOPIC, 0, [large])).rejects.toMatchObject({ code: 'LOG_SIZE' });
    expect(await log.append(TOPIC, 0, [logRecordAt(5)])).toBe(5);
    expect((await readAll(log)).map(({ id }) => id)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5']);
  });

  test('a record of 10 MB is kept; an append beyond the limit is refused and changes nothing', async () => {
    const log = await opened();
    const large = { ...logRecordAt(0), payload: new Uint8Array(10_000_000).fill(7) };
    await log.append(TOPIC, 0, [large]);
    const [read] = (await log.read(TOPIC, 0, 0, 1)).records;
    expect(Buffer.compare(read.payload, large.payload)).toBe(0);
    const far = { ...logRecordAt(1), payload: new Uint8Array(40_000_000) };
    await expect(log.append(TOPIC, 0, [far])).rejects.toMatchObject({ code: 'LOG_SIZE' });
    expect(await log.append(TOPIC, 0, [logRecordAt(2)])).toBe(1);
  });

  test('two processes append to one log, and each reads all of it', async () => {
    const prefix = newPrefix();
    const [one, other] = [await opened(prefix), await opened(prefix)];
    await one.append(TOPIC, 0, [logRecordAt(0)]);
    await other.append(TOPIC, 0, [logRecordAt(1)]);
    await one.append(TOPIC, 0, [logRecordAt(2)]);
    for (const log of [one, other]) {
      expect((await readAll(log)).map(({ id }) => id)).toEqual(['e0', 'e1', 'e2']);
      expect(log.knownEnds?.(TOPIC)).toEqual([3]);
    }
  });

  test('a topic with more partitions than configured is refused when it is opened', async () => {
    const prefix = newPrefix();
    await opened(prefix);
    await (await admin()).createPartitions({ topics: [{ name: `${prefix}orders.1`, count: 3 }] });
    const again = await open(prefix);
    closing.push(() => again.close());
    await expect(again.openTopic(TOPIC, 1)).rejects.toMatchObject({ code: 'LOG_PARTITIONS' });
  });

  test('a topic that was deleted is said to be gone, by appends and by reads', async () => {
    const prefix = newPrefix();
    const log = await opened(prefix);
    await log.append(TOPIC, 0, [logRecordAt(0)]);
    await (await admin()).deleteTopics({ topics: [`${prefix}orders.1`] });
    // The brokers learn of it a moment after it was answered.
    await until(() =>
      Promise.resolve(log.append(TOPIC, 0, [logRecordAt(1)])).then(
        () => false,
        (error: unknown) => isHeadraceError(error, 'LOG_TOPIC'),
      ),
    );
    await expect(log.read(TOPIC, 0, 0, 1)).rejects.toMatchObject({ code: 'LOG_TOPIC' });
  });

  test('a reader of topics whose place is trimmed away says so, and reads on from the place where they begin', async () => {
    const name = `${newPrefix()}tiles.1`;
    const reader = await openTopicReader({ ...readerOptions, topics: [{ name, keptMs: 60_000 }] });
    closing.push(() => reader.close());
    const producer = new Producer({ clientId: 'test', bootstrapBrokers: [...brokers] });
    closing.push(() => producer.close());
    const messages = [0, 1, 2].map((n) => ({ topic: name, key: Buffer.from(`k${n}`), value: Buffer.from(`v${n}`) }));
    await producer.send({ messages, acks: -1 });
    // The reader stands behind the first; then two are taken away.
    await (await admin()).deleteRecords({ topics: [{ name, partitions: [{ partition: 0, offset: 2n }] }] });
    await expect(reader.read({ [name]: [1] }, 1_000)).rejects.toMatchObject({
      code: 'LOG_TRIMMED',
      facts: { topic: name, partition: 0, offset: 1, begin: 2 },
    });
    const { records, next } = await reader.read((await reader.ends()).begins);
    expect(records.map(({ value }) => Buffer.from(value).toString())).toEqual(['v2']);
    expect(next).toEqual({ [name]: [3] });
  });

  test('a record that somebody else wrote keeps its place, is distinguished, and holds up nothing', async () => {
    const prefix = newPrefix();
    const log = await opened(prefix);
    await log.append(TOPIC, 0, [logRecordAt(0)]);
    const producer = new Producer({ clientId: 'test', bootstrapBrokers: [...brokers] });
    closing.push(() => producer.close());
    await producer.send({
      messages: [{ topic: `${prefix}orders.1`, partition: 0, value: Buffer.from('hello') }],
      acks: -1,
    });
    await log.append(TOPIC, 0, [logRecordAt(1)]);
    const { records } = await log.read(TOPIC, 0, 0, 10);
    expect(records.map(({ id, foreign }) => [id, foreign !== undefined])).toEqual([
      ['e0', false],
      ['', true],
      ['e1', false],
    ]);
    expect(records[1].ingestTs).toBeLessThanOrEqual(Date.now());
  });

  test('readers see committed transactions only: a place of one given up is foreign, an open one ends the log', async () => {
    const prefix = newPrefix();
    const log = await opened(prefix);
    const topic = topicName(prefix, TOPIC);
    const writer = transactionalWriter(prefix);
    const wanted: string[] = [];
    let count = 0;
    // A transaction of 3 MB ends in another answer of the broker than the one it begins in.
    for (const [outcome, records, bytes] of [
      ['appended', 1, 10],
      ['given up', 2, 10],
      ['committed', 2, 10],
      ['given up', 1, 10],
      ['given up', 3, 10],
      ['appended', 2, 10],
      ['given up', 5, 600_000],
      ['committed', 5, 600_000],
      ['given up', 1, 10],
    ] as const) {
      const sent = Array.from({ length: records }, () => ({
        ...logRecordAt(count++),
        payload: Buffer.alloc(bytes, 'x'),
      }));
      if (outcome !== 'given up') wanted.push(...sent.map(({ id }) => id));
      if (outcome === 'appended') await log.append(TOPIC, 0, sent);
      else {
        const transaction = await writer.beginTransaction();
        await transaction.send({ messages: sent.map((record) => encodeRecord(topic, 0, record)) });
        await (outcome === 'committed' ? transaction.commit() : transaction.abort());
      }
    }
    await untilMarked({ brokers, topic, partitions: 1 });
    const [{ begin, end }] = await log.ends(TOPIC);
    for (let from = begin; from <= end; from += 1)
      for (const most of [1, 4, 1_000]) {
        const places = await placesFrom(log, from, most);
        expect(places).toHaveLength(end - from);
        const ids = places.filter(({ foreign }) => foreign === undefined).map(({ id }) => id);
        expect(ids).toEqual(wanted.slice(wanted.length - ids.length));
      }
    expect((await placesFrom(log, begin, 1_000)).filter(({ id }) => id !== '')).toHaveLength(wanted.length);

    const open = await writer.beginTransaction();
    await open.send({ messages: [encodeRecord(topic, 0, logRecordAt(count))] });
    await log.append(TOPIC, 0, [logRecordAt(count + 1)]);
    expect(await placesFrom(log, end, 10)).toEqual([]);
    expect(await log.ends(TOPIC)).toMatchObject([{ end }]);
    const reader = await openTopicReader({ ...readerOptions, topics: [{ name: topic, keptMs: 1e9 }] });
    closing.push(() => reader.close());
    let next: Position = { [topic]: [begin] };
    let read = 0;
    for (let hasMore = true; hasMore; ) {
      const batch = await reader.read(next);
      ({ next, hasMore } = batch);
      read += batch.records.length;
    }
    expect([read, next]).toEqual([wanted.length, { [topic]: [end] }]);
    await open.commit();
    await untilMarked({ brokers, topic, partitions: 1 });
    expect((await placesFrom(log, end, 10)).map(({ id }) => id)).toEqual([`e${count}`, `e${count + 1}`, '']);
  });

  test('brokers that are not there are said to be, at once', async () => {
    await expect(open(newPrefix(), ['127.0.0.1:1'])).rejects.toMatchObject({ code: 'LOG_UNREACHABLE' });
  });
});

describe('a broker that is killed', () => {
  let broker: Server | null = null;
  afterEach(async () => {
    if (broker !== null) await stopServer(broker);
  });

  test('what was acknowledged is there, in order, once; the rest can be sent again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kafka-'));
    closing.push(() => rmSync(directory, { recursive: true, force: true }));
    broker = await newBroker(directory);
    const log = await open('kill.', [`127.0.0.1:${broker.port}`]);
    closing.push(() => log.close());
    await log.openTopic(TOPIC, 1);
    const acknowledged: number[] = [];
    for (let round = 0, next = 0; round < 2; round += 1) {
      const { port } = broker;
      const sends = Array.from({ length: 300 }, () => {
        const i = next;
        next += 1;
        return Promise.resolve(log.append(TOPIC, 0, [logRecordAt(i)])).then(
          () => acknowledged.push(i),
          () => undefined,
        );
      });
      await Promise.race([sends[60 + 90 * round], Promise.all(sends)]);
      await stopServer(broker, 'SIGKILL');
      broker = await startBroker(directory, port);
      await Promise.all(sends);
    }
    const ids = (await readAll(log)).map(({ id }) => id);
    const kept = ids.filter((id) => acknowledged.includes(Number(id.slice(1))));
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(kept).toEqual(acknowledged.map((i) => `e${i}`));
    expect(new Set(ids).size).toBe(ids.length);
  });
});
