import avsc from 'avsc';
import { afterEach, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { framed, localRegistry } from '../kafka/local-registry.ts';
import { ForeignTopic } from './foreign-topic.ts';
import { until } from './until.ts';

const topics: ForeignTopic[] = [];

afterEach(async () => {
  for (const topic of topics.splice(0)) await topic.end();
});

const schema = {
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'page', type: ['null', 'string'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'user', type: 'string' },
    { name: 'ms', type: 'int' },
  ],
} as const;

test('events of a topic in Avro and JSON by a registry that comes late are all counted, and poison is named', async () => {
  const registry = await localRegistry(
    new Map([
      [1, { schema: JSON.stringify(schema) }],
      [2, { schema: '{"type":"object"}', schemaType: 'JSON' }],
    ]),
  );
  registry.mode = 'cut';
  const topic = await ForeignTopic.make(2);
  topics.push(topic);
  const place = { kind: 'kafka' as const, brokers: [...topic.brokers], topic: topic.name };
  const format = { kind: 'schemaRegistry' as const, url: registry.url };
  const headrace = await topic.open(topic.environment({ sources: { clicks: { ...place, format } } }));
  const type = avsc.Type.forSchema(schema as unknown as avsc.Schema);
  const messages = Array.from({ length: 3_000 }, (_, n) => {
    const event = { id: `e${n}`, at: Date.now() - (n % 90) * 1_000, user: topic.users[n % 20], ms: n % 97 };
    topic.sent.push(event);
    const value =
      n % 3 === 0 ? framed(2, Buffer.from(JSON.stringify(event))) : framed(1, type.toBuffer({ ...event, page: null }));
    return { topic: topic.name, partition: (n % 20) % 2, key: Buffer.from(event.user), value: Buffer.from(value) };
  });
  await topic.produce(messages);
  await until(async () => headrace.status().topics[0].trouble?.includes('schema registry') === true);
  expect(headrace.status().topics[0]).toMatchObject({ taken: 0, refused: 0 });
  expect(headrace.degraded()).toEqual([expect.stringContaining('does not answer')]);
  registry.mode = 'up';
  await topic.writeRaw(0, ['{"id":"plain"}', '\0\0\0\0\u0001', undefined]);
  await topic.whole(headrace);
  await until(async () => headrace.status().topics[0].refused === 2);
  expect(headrace.status().topics[0]).toMatchObject({ taken: 3_000, refused: 2, tombstones: 1, trouble: null });
  await until(async () => headrace.status().topics[0].lag.every(({ behind }) => behind === 0));
  expect(topic.faults.map((fault) => isHeadraceError(fault) && fault.code)).toEqual([
    'SCHEMA_UNREACHABLE',
    'TOPIC_RECORD',
    'TOPIC_RECORD',
  ]);
});
