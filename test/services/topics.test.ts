import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Producer } from '@platformatic/kafka';
import { afterEach, describe, expect, test } from 'vitest';
import { KAFKA_USER } from '../../scripts/services/kafka.ts';
import { loadClient } from '../../src/backends/kafka/client.ts';
import { joinGroup } from '../../src/backends/kafka/group-member.ts';
import { openSourceTopic } from '../../src/backends/kafka/source-topic.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { sourceTopicContracts } from '../../src/testing/contracts/source-topic.ts';
import { startCli } from '../cli/run-cli.ts';
import { addressOf } from './addresses.ts';
import { clicks } from './clicks.ts';
import { deep } from './deep.ts';
import { ForeignTopic } from './foreign-topic.ts';
import { until } from './until.ts';

const topics: ForeignTopic[] = [];

afterEach(async () => {
  for (const topic of topics.splice(0)) await topic.end();
});

async function made(partitions: number): Promise<ForeignTopic> {
  const topic = await ForeignTopic.make(partitions);
  topics.push(topic);
  return topic;
}

const codesOf = ({ faults }: ForeignTopic) =>
  faults.map((fault) => (isHeadraceError(fault) ? fault.code : String(fault)));

describe('a topic of others', () => {
  test.each(sourceTopicContracts)('rule $rule: $name', async ({ run }) => {
    const topic = await made(2);
    const group = `${topic.namespace}.contract`;
    const bytes = (text: string | null) => (text === null ? {} : { value: Buffer.from(text) });
    await run({
      async write(partition, key, value) {
        const keyed = key === null ? {} : { key: Buffer.from(key) };
        const messages = [{ topic: topic.name, partition, ...keyed, ...bytes(value) }];
        const { offsets } = await topic.produce(messages);
        return Number(offsets?.[0].offset);
      },
      async trim(partition, offset) {
        const partitions = [{ partition, offset: BigInt(offset) }];
        await topic.admin.deleteRecords({ topics: [{ name: topic.name, partitions }] });
      },
      async join() {
        const { brokers, name } = topic;
        const joined = { topic: name, group, clientId: group, member: randomUUID(), timeoutMs: 10_000 };
        const member = await openSourceTopic({ brokers, ...joined });
        topic.ending.push(() => member.close());
        return member;
      },
    });
  });
});

test('a process that is killed during 20,000 events and started again has counted every id once', deep, async () => {
  const topic = await made(4);
  const environment = topic.environment();
  const { directory } = environment;
  const [index, shop] = ['../../src/index.ts', './clicks.ts'].map((path) => new URL(path, import.meta.url).pathname);
  writeFileSync(
    join(directory, 'headrace.config.ts'),
    `import { defineConfig } from ${JSON.stringify(index)};
import { project } from ${JSON.stringify(shop)};
export default defineConfig({ project, environments: { local: ${JSON.stringify(environment)} } });`,
  );
  await topic.send(8_000, 4, 200);
  const child = startCli(directory, ['serve', '--port', '0', '--json']);
  const [line]: unknown[] = await once(child.stdout ?? child, 'data');
  const { url } = JSON.parse(String(line)) as { url: string };
  const sending = topic.send(12_000, 4, 200);
  await until(async () => {
    const status = (await (await fetch(`${url}/v1/status`)).json()) as { topics: { taken: number }[] };
    return status.topics[0].taken > 2_000;
  });
  child.kill('SIGKILL');
  await once(child, 'close');
  await sending;
  const headrace = await topic.open(environment);
  await topic.whole(headrace);
  const { accepted, duplicate } = headrace.counters(clicks).admission;
  const [{ taken, keyChanges, refused, lost }] = headrace.status().topics;
  expect({ keyChanges, refused, lost }).toEqual({ keyChanges: 0, refused: 0, lost: 0 });
  expect(accepted + duplicate).toBeGreaterThanOrEqual(taken);
  await until(async () => headrace.status().topics[0].lag.every(({ behind }) => behind === 0));
  expect(topic.faults).toEqual([]);
});

test(
  'two processes share the partitions while a third joins the group and leaves: every id counts once in both',
  deep,
  async () => {
    const topic = await made(4);
    const environment = () => topic.environment({ log: { kind: 'kafka', brokers: [...topic.brokers] } });
    const [one, other] = [await topic.open(environment()), await topic.open(environment())];
    const parts = () => [one, other].map((headrace) => headrace.status().topics[0].lag.length);
    await until(async () => parts().join() === '2,2');
    await topic.send(6_000, 4, 200);
    const { brokers, name } = topic;
    const group = `${topic.namespace}.clicks.1.taken`;
    const options = { brokers, timeoutMs: 10_000, clientId: 'third', group, member: randomUUID(), topic: name };
    const third = await joinGroup(await loadClient(), options);
    topic.ending.push(() => third.leave());
    await until(async () => third.partitions().length > 0);
    await topic.send(6_000, 4, 200);
    await third.leave();
    await topic.send(4_000, 4, 200);
    for (const headrace of [one, other]) await topic.whole(headrace);
    await until(async () => parts().join() === '2,2');
    expect(topic.faults).toEqual([]);
    await other.close();
    await topic.send(2_000, 4);
    await topic.whole(one);
  },
);

test('poison is named by its place, kept among the refused events, and holds up nothing', deep, async () => {
  const topic = await made(1);
  await topic.send(100, 1);
  const huge = JSON.stringify({ id: 'huge', user: 'x'.repeat(10_000_000) });
  await topic.writeRaw(0, ['hello', '{"id":"p1","at":1}', '[]', undefined]);
  await topic.writeRaw(0, [huge]);
  await topic.send(100, 1);
  const headrace = await topic.open(topic.environment());
  await topic.whole(headrace);
  expect(headrace.status().topics).toMatchObject([{ taken: 200, refused: 4, tombstones: 1, lost: 0, trouble: null }]);
  const places = topic.faults.map((fault) => isHeadraceError(fault, 'TOPIC_RECORD') && fault.facts['offset']);
  expect(new Set(places)).toEqual(new Set([100, 101, 102, 104]));
  const { sources } = await headrace.featuresReport(0, Date.now() + 1);
  const codes = ['EVENT_JSON', 'EVENT_MISSING', 'EVENT_SHAPE', 'TOPIC_RECORD_SIZE'];
  expect(new Set(sources[0].quarantined.map(({ code }) => code))).toEqual(new Set(codes));
  for (const { reason } of sources[0].quarantined) expect(reason).toContain(`${topic.name}, partition 0, offset 10`);
  const { text } = await headrace.metrics();
  expect(text).toContain('headrace_topic_records_total{source="clicks",outcome="refused"} 4');
  expect(text).toContain(`headrace_reader_lag_records{topic="${topic.name}",reader="taken",partition="0"}`);
});

test('events of a transaction that was given up are none', deep, async () => {
  const topic = await made(1);
  const producer = new Producer({
    clientId: 'transactions',
    bootstrapBrokers: [...topic.brokers],
    idempotent: true,
    transactionalId: `t-${topic.namespace}`,
  });
  topic.ending.push(() => producer.close(true));
  const value = (id: string, user = 'user 0') => Buffer.from(JSON.stringify({ id, at: Date.now(), user, ms: 1 }));
  // The mark at its end does not come in the same answer.
  const long = await producer.beginTransaction();
  for (let i = 0; i < 16; i += 1)
    await long.send({ messages: [{ topic: topic.name, partition: 0, value: value(`l${i}`, 'x'.repeat(500_000)) }] });
  await long.abort();
  for (const [round, commits] of [false, true, false].entries()) {
    const transaction = await producer.beginTransaction();
    for (let i = 0; i < 3; i += 1)
      await transaction.send({ messages: [{ topic: topic.name, partition: 0, value: value(`t${round}-${i}`) }] });
    await (commits ? transaction.commit() : transaction.abort());
  }
  await topic.send(20, 1);
  const headrace = await topic.open(topic.environment());
  await until(async () => headrace.status().topics[0].taken === 23);
  expect(headrace.counters(clicks).admission.accepted).toBe(23);
  await until(async () => headrace.status().topics[0].lag[0].behind === 0);
});

test('an id under another partition or key is counted and reported', deep, async () => {
  const topic = await made(2);
  const headrace = await topic.open(topic.environment());
  await topic.send(100, 2);
  await topic.whole(headrace);
  expect(headrace.status().degraded).toEqual([]);
  // As of a service that has changed its key.
  await topic.write(topic.sent.slice(0, 10), 1);
  await until(async () => headrace.status().topics[0].keyChanges > 0 && headrace.status().topics[0].taken === 110);
  const [{ keyChanges }] = headrace.status().topics;
  expect(keyChanges).toBe(5);
  expect(headrace.status().degraded).toEqual([expect.stringContaining(`5 events of clicks from ${topic.name}`)]);
  expect((await headrace.metrics()).text).toContain('headrace_topic_key_changes_total{source="clicks"} 5');
  await topic.whole(headrace);
});

test('what retention took is counted as lost, also while it is read, and the rest is taken', deep, async () => {
  const topic = await made(1);
  const environment = topic.environment();
  const first = await topic.open(environment);
  await topic.send(100, 1);
  await topic.whole(first);
  await first.close();
  await topic.send(100, 1);
  await topic.admin.deleteRecords({ topics: [{ name: topic.name, partitions: [{ partition: 0, offset: 150n }] }] });
  const second = await topic.open(environment);
  await until(async () => second.status().topics[0].taken === 50);
  expect(second.status().topics[0].lost).toBe(50);
  expect(topic.faults).toMatchObject([{ code: 'TOPIC_LOST', facts: { from: 100, to: 149, records: 50 } }]);
  expect(second.status().degraded).toEqual([expect.stringContaining('50 records of clicks')]);
});

test(
  'a topic that is not there yet, gets partitions, is deleted and made again: reported each, and all is taken',
  deep,
  async () => {
    const topic = new ForeignTopic();
    topics.push(topic);
    const headrace = await topic.open(topic.environment());
    await until(async () => headrace.status().topics[0].trouble?.includes('there is no topic') === true);
    await topic.create(1);
    await topic.send(100, 1);
    await topic.whole(headrace);
    expect(codesOf(topic)).toEqual(['TOPIC_ABSENT']);
    await topic.admin.createPartitions({ topics: [{ name: topic.name, count: 3 }] });
    await topic.send(100, 3);
    await topic.whole(headrace);
    expect(codesOf(topic)).toContain('TOPIC_PARTITIONS');
    await topic.admin.deleteTopics({ topics: [topic.name] });
    await until(async () => headrace.status().topics[0].trouble !== null);
    await topic.create(2);
    await topic.send(100, 2);
    await topic.whole(headrace);
    expect(codesOf(topic)).toContain('TOPIC_REMADE');
    expect(headrace.status().topics[0].trouble).toBeNull();
  },
);

test('a topic that was made again while nobody read it is read from its begin', deep, async () => {
  const topic = await made(1);
  const environment = topic.environment();
  const first = await topic.open(environment);
  await topic.send(100, 1);
  await topic.whole(first);
  await first.close();
  await topic.admin.deleteTopics({ topics: [topic.name] });
  await until(async () => topic.create(1).then(() => true));
  await topic.send(150, 1);
  const second = await topic.open(environment);
  await topic.whole(second);
  expect(second.status().topics).toMatchObject([{ taken: 150, lost: 0 }]);
});

test('a member that the brokers have put out, as after a long halt, joins again', deep, async () => {
  const topic = await made(2);
  const headrace = await topic.open(topic.environment());
  await topic.send(100, 2);
  await topic.whole(headrace);
  const { id } = JSON.parse(readFileSync(join(headrace.directory, 'topics.json'), 'utf8')) as { id: string };
  const { brokers, name } = topic;
  const group = `${topic.namespace}.clicks.1.taken.${id}`;
  // Who joins and leaves as the same member takes its place with it.
  const options = { brokers, timeoutMs: 10_000, clientId: 'same', group, member: id, topic: name };
  await (await joinGroup(await loadClient(), options)).leave();
  await topic.send(100, 2);
  await topic.whole(headrace);
  await until(
    async () =>
      headrace
        .status()
        .topics[0].lag.map(({ behind }) => behind)
        .join() === '0,0',
  );
});

test('who is not let in learns why, and holds nothing up; who is takes the events', deep, async () => {
  const topic = await made(1);
  await topic.send(50, 1);
  const [folder] = addressOf('KAFKA_TLS');
  const sasl = (env: string) =>
    ({ mechanism: 'SCRAM-SHA-512', username: KAFKA_USER.username, password: { env } }) as const;
  const secured = (env: string) =>
    topic.environment({
      sources: {
        clicks: {
          kind: 'kafka',
          brokers: [...addressOf('KAFKA_SASL_SSL')],
          topic: topic.name,
          sasl: sasl(env),
          tls: { ca: join(folder, 'ca.crt') },
        },
      },
    });
  process.env['TOPICS_WRONG'] = 'not the password';
  process.env['TOPICS_RIGHT'] = KAFKA_USER.password;
  const denied = await topic.open(secured('TOPICS_WRONG'));
  await until(async () => denied.status().topics[0].trouble !== null);
  expect(codesOf(topic)).toEqual(['TOPIC_DENIED']);
  expect(String(topic.faults[0])).not.toContain('not the password');
  await denied.close();
  const headrace = await topic.open(secured('TOPICS_RIGHT'));
  await topic.whole(headrace);
});
