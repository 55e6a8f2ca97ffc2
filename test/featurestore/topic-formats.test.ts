import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avsc from 'avsc';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryTopic } from '../../src/backends/memory/source-topic.ts';
import { sourceTopics } from '../../src/compose/source-topics.ts';
import { resolveEnvironment } from '../../src/environment/config.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int64,
  last,
  lookup,
  nullable,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { TopicIntake } from '../../src/featurestore/ingest/topic-intake.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { framed, type KeptSchema, localRegistry } from '../kafka/local-registry.ts';
import { until } from '../until.ts';

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), item: int64(), note: nullable(text()) },
});
const byUser = streamView('by_user', {
  source: clicks,
  entity: entity('user', { user: text() }),
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: ({ item }) => ({ n: count(), item: last(item) }),
});
const service = featureService('clicker', {
  request: { user: text() },
  join: (r) => ({ u: lookup(byUser, { user: r.user }) }),
});
const project = defineProject('site', { service });

const first = {
  type: 'record',
  name: 'Click',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'user', type: 'string' },
    { name: 'item', type: 'int' },
  ],
} as const;
const second = {
  ...first,
  fields: [
    { name: 'page', type: 'string' },
    { name: 'note', type: ['null', 'string'] },
    ...first.fields.slice(0, 3),
    { name: 'item', type: 'long' },
  ],
} as const;

/** A project that takes its events from a topic by a registry, as its configuration says. */
async function site(schemas: ReadonlyMap<number, KeptSchema>, format: object = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'topic-formats-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const registry = await localRegistry(schemas);
  const headrace = await openHeadrace({ project, environment: { directory } });
  onTestFinished(() => headrace.close());
  const place = {
    kind: 'kafka' as const,
    brokers: ['127.0.0.1:1'],
    topic: 'shop.clicks',
    format: { kind: 'schemaRegistry' as const, url: registry.url, ...format },
  };
  const [taken] = sourceTopics(
    headrace.project,
    resolveEnvironment('local', { directory, sources: { clicks: place } }, 'site'),
  );
  const topic = new MemoryTopic('shop.clicks', 1);
  const faults: { readonly code?: string; readonly facts?: Readonly<Record<string, unknown>> }[] = [];
  const start = () => {
    const intake = new TopicIntake({
      source: clicks,
      topic: topic.join(),
      format: taken.format,
      take: (source, events, placeOf) => insideOf(headrace).features.take(source, events, placeOf),
      refuse: (...refused) => insideOf(headrace).features.refuse(...refused),
      onFault: (error) => faults.push(error as object),
    });
    onTestFinished(() => intake.stop());
    return intake;
  };
  const committed = () => topic.partitions[0].committed ?? 0;
  const write = (value: Uint8Array) => topic.write(0, null, value);
  return { headrace, registry, faults, start, write, committed };
}

const avroOf = (schema: object, value: object) => avsc.Type.forSchema(schema as avsc.Schema).toBuffer(value);
const click = (id: string, item: number, more: object = {}) => ({
  id,
  at: Date.now() - 1_000,
  user: 'ann',
  item,
  ...more,
});

test('records of one topic under an older and a newer schema, in any format, are events; poison among them is named by its place', async () => {
  const schemas = new Map<number, KeptSchema>([
    [1, { schema: JSON.stringify(first) }],
    [2, { schema: JSON.stringify(second) }],
    [3, { schema: '{"type":"object"}', schemaType: 'JSON' }],
  ]);
  const { headrace, start, write, committed, faults, registry } = await site(schemas);
  write(framed(1, avroOf(first, click('e1', 5))));
  write(framed(2, avroOf(second, click('e2', 6, { page: 'home', note: 'hello' }))));
  write(framed(3, Buffer.from(JSON.stringify(click('e3', 7, { page: { nested: [1] } })))));
  write(Buffer.from(JSON.stringify(click('e4', 8))));
  write(framed(9, Buffer.from('x')));
  write(framed(1, avroOf(first, click('e5', 9)).subarray(1)));
  write(framed(1, avroOf(first, { ...click('e6', 10), at: 1e15 })));
  write(framed(3, Buffer.from('{"id":')));
  write(framed(3, Buffer.alloc(5_000_000, 0x20)));
  write(framed(2, avroOf(second, click('e7', 11, { page: '', note: null }))));
  const intake = start();
  await until(() => committed() === 10);
  expect(intake.report()).toMatchObject({ taken: 4, refused: 6, trouble: null });
  expect(faults.map(({ code, facts }) => [code, facts?.['offset']])).toEqual(
    [3, 4, 5, 7, 8, 6].map((at) => ['TOPIC_RECORD', at]),
  );
  const { features } = await headrace.vector(service, { user: 'ann' });
  expect(features).toMatchObject({ u_n_1h: 4, u_item_1h: 11n });
  const { sources } = await headrace.featuresReport(0, Date.now() + 1);
  const kept = sources[0].quarantined.map(({ code }) => code);
  expect(new Set(kept)).toEqual(
    new Set(['SCHEMA_FRAME', 'SCHEMA_UNKNOWN', 'SCHEMA_BYTES', 'EVENT_TIME_UNIT', 'EVENT_JSON', 'TOPIC_RECORD_SIZE']),
  );
  expect(registry.requests).toEqual([1, 2, 3, 9].map((id) => `/schemas/ids/${id}`));
});

test('while the registry is away, nothing is refused, dropped or committed; the state says why, and the intake continues after it', async () => {
  const { start, write, committed, faults, registry } = await site(new Map([[1, { schema: JSON.stringify(first) }]]));
  registry.mode = 'cut';
  for (let n = 0; n < 700; n += 1) write(framed(1, avroOf(first, click(`e${n}`, n))));
  const intake = start();
  await until(() => intake.report().trouble?.includes('does not answer') === true);
  await until(() => registry.requests.length >= 3);
  expect(intake.report()).toMatchObject({ taken: 0, refused: 0 });
  expect(committed()).toBe(0);
  expect(faults.map(({ code }) => code)).toEqual(['SCHEMA_UNREACHABLE']);
  registry.mode = 401;
  await until(() => intake.report().trouble?.includes('refuses') === true);
  registry.mode = 'up';
  await until(() => committed() === 700);
  expect(intake.report()).toMatchObject({ taken: 700, refused: 0, trouble: null });
  expect(faults.map(({ code }) => code)).toEqual(['SCHEMA_UNREACHABLE', 'SCHEMA_DENIED']);
});

test('an intake that waits for the registry stops when it is to, and the next one takes the records', async () => {
  const { start, write, committed, registry } = await site(new Map([[1, { schema: JSON.stringify(first) }]]));
  registry.mode = 503;
  write(framed(1, avroOf(first, click('e1', 1))));
  const waiting = start();
  await until(() => waiting.report().trouble !== null);
  await waiting.stop();
  expect(committed()).toBe(0);
  registry.mode = 'up';
  const next = start();
  await until(() => committed() === 1);
  expect(next.report().taken).toBe(1);
});

test('credentials come from the variables that the configuration names, and are in no error', async () => {
  process.env['REGISTRY_SECRET'] = 'geheim';
  onTestFinished(() => {
    delete process.env['REGISTRY_SECRET'];
  });
  const secret = { env: 'REGISTRY_SECRET' };
  const pair = `Basic ${Buffer.from('reader:geheim').toString('base64')}`;
  for (const [format, authorization] of [
    [{ username: 'reader', password: secret }, pair],
    [{ token: secret }, 'Bearer geheim'],
  ] as const) {
    const { start, write, committed, registry, faults } = await site(
      new Map([[1, { schema: JSON.stringify(first) }]]),
      format,
    );
    registry.authorization = 'Bearer of another';
    write(framed(1, avroOf(first, click('e1', 1))));
    const intake = start();
    await until(() => faults.length > 0);
    expect(faults[0].code).toBe('SCHEMA_DENIED');
    expect(`${JSON.stringify(faults)} ${faults} ${intake.report().trouble}`).not.toMatch(/geheim|Basic|Bearer/);
    registry.authorization = authorization;
    await until(() => committed() === 1);
    expect(intake.report().refused).toBe(0);
  }
});
