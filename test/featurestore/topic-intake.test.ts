import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryTopic } from '../../src/backends/memory/source-topic.ts';
import { fail, isHeadraceError } from '../../src/base/errors/fail.ts';
import {
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  int64,
  last,
  lookup,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { TopicIntake, type TopicIntakeOptions } from '../../src/featurestore/ingest/topic-intake.ts';
import type { SourceTopic } from '../../src/ports/source-topic.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { until } from '../until.ts';

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  columns: { id: text(), at: time(), user: text(), item: int64() },
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

const bytes = (value: string) => new TextEncoder().encode(value);

async function site(more: Partial<TopicIntakeOptions> & { readonly partitions?: number } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'topic-intake-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const headrace = await openHeadrace({ project, environment: { directory } });
  onTestFinished(() => headrace.close());
  const topic = new MemoryTopic('shop.clicks', more.partitions ?? 2);
  const faults: unknown[] = [];
  const start = (joined: SourceTopic = topic.join()) => {
    const intake = new TopicIntake({
      source: clicks,
      topic: joined,
      take: (source, events, placeOf) => insideOf(headrace).features.take(source, events, placeOf),
      refuse: (...refused) => insideOf(headrace).features.refuse(...refused),
      onFault: (error) => faults.push(error),
      ...more,
    });
    onTestFinished(() => intake.stop());
    return intake;
  };
  let ids = 0;
  const send = (partition: number, records: number) => {
    for (let i = 0; i < records; i += 1) {
      ids += 1;
      const event = `{"id":"e${ids}","at":${Date.now() - 1_000},"user":"u${ids % 3}","item":${ids}}`;
      topic.write(partition, bytes(`k${ids}`), bytes(event));
    }
  };
  const committed = () => topic.partitions.map((partition) => partition.committed ?? 0);
  return { headrace, topic, faults, start, send, committed };
}

test('every record of the topic is in the log once it is committed, and counts once however often it comes', async () => {
  const { headrace, topic, start, send, committed } = await site();
  send(0, 1_300);
  send(1, 700);
  for (const { value, key } of topic.partitions[0].records.slice(0, 100)) topic.write(0, key, value);
  const intake = start();
  await until(() => intake.report().taken === 2_100);
  await until(() => committed().join() === '1400,700');
  const { gateway, admission } = headrace.counters(clicks);
  expect(gateway).toMatchObject({ sent: 2_100, accepted: 2_100 });
  expect(admission).toMatchObject({ accepted: 2_000, duplicate: 100 });
  expect(intake.report()).toMatchObject({ refused: 0, keyChanges: 0, trouble: null });
  expect(intake.report().lag.map(({ behind }) => behind)).toEqual([0, 0]);
});

test('what is no event is named by its place, kept among the refused, and holds up nothing', async () => {
  const { headrace, topic, start, faults, committed } = await site({ partitions: 1 });
  const event = (id: string, item: string) => `{"id":"${id}","at":${Date.now() - 1_000},"user":"ann","item":${item}}`;
  const huge = `{"id":"${'x'.repeat(5_000_000)}"}`;
  const values = ['hello', '[]', event('e1', '9007199254740993'), '{"id":"e2","at":1}', event('e3', '"no"'), huge, ''];
  for (const value of values) topic.write(0, null, bytes(value));
  topic.write(0, null, Uint8Array.of(0x22, 0xff, 0x22));
  topic.write(0, bytes('gone'), null);
  topic.write(0, null, bytes(event('e4', '9223372036854775807')));
  const intake = start();
  await until(() => committed()[0] === 10);
  expect(intake.report()).toMatchObject({ taken: 2, refused: 7, tombstones: 1 });
  expect(faults.map((fault) => isHeadraceError(fault, 'TOPIC_RECORD') && fault.facts['offset'])).toEqual(
    expect.arrayContaining([0, 1, 3, 4, 5, 6, 7]),
  );
  const { features } = await headrace.vector(service, { user: 'ann' });
  expect(features).toMatchObject({ u_n_1h: 2, u_item_1h: 9_223_372_036_854_775_807n });
  expect(headrace.counters(clicks).gateway).toMatchObject({ sent: 9, accepted: 2, refused: 7 });
  const { sources } = await headrace.featuresReport(0, Date.now() + 1);
  const kept = new Map(sources[0].quarantined.map(({ code, events, reason }) => [code, { events, reason }]));
  const codes = ['EVENT_JSON', 'EVENT_MISSING', 'EVENT_SHAPE', 'EVENT_TYPE', 'TOPIC_RECORD_SIZE'];
  expect(new Set(kept.keys())).toEqual(new Set(codes));
  expect(kept.get('EVENT_JSON')).toMatchObject({ events: 3, reason: expect.stringContaining('partition 0, offset 7') });
  expect(kept.get('EVENT_TYPE')?.reason).toContain('shop.clicks, partition 0, offset 4');
});

test('while the gateway refuses, nothing is dropped, nothing committed, and no more than two batches are read', async () => {
  let refusals = 4;
  let reads = 0;
  const { headrace, topic, faults, send, committed } = await site({ partitions: 1 });
  send(0, 300);
  const joined = topic.join();
  const read = joined.read.bind(joined);
  joined.read = (waitMs) => {
    reads += 1;
    return read(waitMs);
  };
  const intake = new TopicIntake({
    source: clicks,
    topic: joined,
    take: (source, events, placeOf) => {
      refusals -= 1;
      if (refusals >= 0) throw fail('DISK_DAY', { bytesPerDay: 1, until: 'tomorrow' });
      return insideOf(headrace).features.take(source, events, placeOf);
    },
    refuse: () => undefined,
    onFault: (error) => faults.push(error),
  });
  onTestFinished(() => intake.stop());
  await until(() => refusals === 2);
  expect(intake.report().trouble).toContain('disk budget of the day');
  expect(reads).toBeLessThanOrEqual(2);
  expect(committed()).toEqual([0]);
  await until(() => intake.report().taken === 300);
  expect(intake.report().trouble).toBeNull();
  expect(faults.map((fault) => isHeadraceError(fault) && fault.code)).toEqual(['DISK_DAY']);
});

test('a stop commits what is in the log; during a refusal nothing of the batch', async () => {
  const { topic, start, send, committed, headrace } = await site({ partitions: 1 });
  send(0, 50);
  const first = start();
  await until(() => first.report().taken === 50);
  await first.stop();
  expect(committed()).toEqual([50]);
  send(0, 50);
  const second = new TopicIntake({
    source: clicks,
    topic: topic.join(),
    take: () => Promise.reject(fail('DISK_FULL', { bytes: 1, kept: 2 })),
    refuse: () => undefined,
    onFault: () => undefined,
  });
  await until(() => second.report().trouble !== null);
  await second.stop();
  expect(committed()).toEqual([50]);
  const third = start();
  await until(() => third.report().taken === 50);
  expect(headrace.counters(clicks).admission).toMatchObject({ accepted: 100, duplicate: 0 });
});

test('an id that comes again under another key or partition is counted', async () => {
  const { topic, start } = await site();
  const event = bytes(`{"id":"e1","at":${Date.now() - 1_000},"user":"ann","item":1}`);
  const intake = start();
  topic.write(0, bytes('a'), event);
  topic.write(0, bytes('a'), event);
  await until(() => intake.report().taken === 2);
  expect(intake.report().keyChanges).toBe(0);
  topic.write(0, bytes('b'), event);
  await until(() => intake.report().taken === 3);
  expect(intake.report().keyChanges).toBe(1);
  topic.write(1, bytes('b'), event);
  await until(() => intake.report().taken === 4);
  expect(intake.report().keyChanges).toBe(2);
});

test('records that retention took first are counted as lost and reported', async () => {
  const { topic, start, send, faults, committed } = await site({ partitions: 1 });
  send(0, 10);
  const first = start();
  await until(() => first.report().taken === 10);
  await first.stop();
  send(0, 10);
  topic.trim(0, 16);
  const second = start();
  await until(() => committed()[0] === 20);
  expect(second.report()).toMatchObject({ taken: 4, lost: 6 });
  expect(faults).toMatchObject([{ code: 'TOPIC_LOST', facts: { from: 10, to: 15, records: 6 } }]);
});
