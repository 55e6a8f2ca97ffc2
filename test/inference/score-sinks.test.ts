import { createHmac } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MemoryEventLog } from '../../src/backends/memory/event-log.ts';
import { MemoryLanes } from '../../src/backends/memory/stream-lanes.ts';
import { compareText } from '../../src/base/text-order.ts';
import type { ScoreSinkOptions } from '../../src/features/define/declare.ts';
import type { Delivery } from '../../src/features/engine/delivery.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { rowCodec } from '../../src/schema/row-codec.ts';
import { streamTopics } from '../../src/serving/streaming/open-lanes.ts';
import { StreamOutputs } from '../../src/serving/streaming/outputs/stream-outputs.ts';
import { laneRecord } from '../../src/serving/streaming/stream-record.ts';
import { type Receiver, startReceiver } from '../alerts/receiver.ts';
import { asked } from '../models/small-project.ts';
import { until } from '../until.ts';
import { outputsIn, type SentOutput, scoreProject } from './score-site.ts';
import { event, PARTITIONS, registerVersions } from './stream-site.ts';

const START = Date.UTC(2026, 0, 1);
const root = mkdtempSync(join(tmpdir(), 'headrace-sinks-'));
await registerVersions(join(root, 'empty'));

const open = await startReceiver();
afterAll(async () => {
  await open.close();
  rmSync(root, { recursive: true, force: true });
});

/** The outputs of accepted messages. */
function takenBy({ received }: Receiver): readonly SentOutput[] {
  return received
    .filter(({ status }) => status === 200)
    .flatMap(({ body }): readonly SentOutput[] => JSON.parse(body).outputs);
}

/** A program with its own clock. */
async function started(sinks: Readonly<Record<string, ScoreSinkOptions>>, from = join(root, 'empty')) {
  const directory = mkdtempSync(join(root, 'life-'));
  cpSync(from, directory, { recursive: true });
  const time = { now: START };
  const headrace = await openHeadrace({
    project: scoreProject(sinks).project,
    environment: { directory, partitions: PARTITIONS },
    clock: () => time.now,
  });
  const send = async (first: number, count: number) => {
    const events = Array.from({ length: count }, (_, i) => event(first + i, time.now + i));
    time.now += count;
    await headrace.ingest(asked, events);
  };
  return { headrace, directory, time, send };
}

const ids = (outputs: readonly SentOutput[]) => outputs.map(({ id }) => id).sort(compareText);
const named = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => `a${first + i}`).sort(compareText);

test('a message is sent until it is accepted, with the same key and signature, and shows as waiting meanwhile', async () => {
  process.env['SCORES_SECRET'] = 'a secret';
  const secret = { env: 'SCORES_SECRET' };
  const { headrace, time, send } = await started({ hook: { kind: 'webhook', url: open.url, secret } });
  open.plan = [500, 429, 400];
  await send(1, 30);
  await until(async () => {
    await headrace.tick();
    return open.received.length === 1;
  });
  await until(() =>
    headrace.degraded().some((fact) => fact.includes('30 outputs of stream scored wait for sink hook')),
  );
  expect((await headrace.metrics()).text).toContain('headrace_stream_outputs_waiting{stream="scored",to="hook"} 30');
  // Nothing is sent before it is due: of the next attempts only the clock decides.
  for (let i = 0; i < 5; i += 1) await headrace.tick();
  expect(open.received).toHaveLength(1);
  // More that comes meanwhile is counted.
  await send(31, 5);
  await headrace.tick();
  expect((await headrace.metrics()).text).toContain('headrace_stream_outputs_waiting{stream="scored",to="hook"} 35');
  await until(async () => {
    time.now += 300_001;
    await headrace.tick();
    return takenBy(open).length >= 35;
  });
  await until(() => headrace.degraded().every((fact) => !fact.includes('hook')));
  const [first, second, third, fourth] = open.received;
  for (const again of [second, third, fourth]) {
    expect(again.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(JSON.parse(again.body)).toEqual(JSON.parse(first.body));
  }
  for (const { headers, body } of open.received) {
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const signature = createHmac('sha256', 'a secret').update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
  }
  expect(ids(takenBy(open))).toEqual(named(1, 35));
  // As the command and the route print them.
  const { outputs } = await headrace.stream('scored').outputs({ cursor: null, most: 100 });
  const places = (some: readonly SentOutput[]) => new Map(some.map((one) => [`${one.partition}/${one.offset}`, one]));
  expect(places(takenBy(open))).toEqual(places(outputs));
  await headrace.close();
});

test('a secret that is missing holds the outputs back and names the variable', async () => {
  delete process.env['SCORES_URL'];
  const target = await startReceiver();
  const { headrace, time, send } = await started({ hook: { kind: 'webhook', url: { env: 'SCORES_URL' } } });
  await send(1, 5);
  await until(async () => {
    await headrace.tick();
    return headrace.degraded().some((fact) => fact.includes('SCORES_URL'));
  });
  process.env['SCORES_URL'] = target.url;
  await until(async () => {
    time.now += 300_001;
    await headrace.tick();
    return takenBy(target).length === 5;
  });
  await headrace.close();
  await target.close();
});

test('two sinks go at their own pace, and a restart sends what one of them has not taken', async () => {
  const target = await startReceiver();
  const files = mkdtempSync(join(root, 'files-'));
  const sinks = {
    hook: { kind: 'webhook', url: target.url },
    files: { kind: 'files', directory: files, every: '1m' },
  } as const;
  const one = await started(sinks);
  target.otherwise = 503;
  await one.send(1, 40);
  await one.headrace.tick();
  expect(ids(outputsIn(files))).toEqual(named(1, 40));
  await one.send(41, 10);
  await one.headrace.tick();
  // Its time has not come.
  expect(outputsIn(files)).toHaveLength(40);
  await one.headrace.close();
  target.otherwise = 200;
  const two = await started(sinks, one.directory);
  two.time.now = one.time.now + 60_001;
  await until(async () => {
    await two.headrace.tick();
    return new Set(ids(takenBy(target))).size === 50;
  });
  expect(ids(takenBy(target))).toEqual(named(1, 50));
  expect(ids(outputsIn(files))).toEqual(named(1, 50));
  await two.headrace.close();
  await target.close();
});

/** A log of outputs of one partition, and what hands them on. */
async function handed(lanes: MemoryLanes | null = null) {
  const { project, scored, scores } = scoreProject({
    hook: { kind: 'webhook', url: 'http://127.0.0.1:9', hold: '1h' },
  });
  const log = new MemoryEventLog();
  const topic = streamTopics(scored).live;
  const { encode, decode } = rowCodec(asked.columns);
  log.openTopic('asked@1', 1);
  log.openTopic(topic, 1);
  const time = { now: START };
  const fed: Delivery[] = [];
  const refuses = { feed: false, sink: false };
  const outputs = new StreamOutputs({
    project,
    log,
    lanes,
    openSink: () => ({
      isExact: false,
      send: async () => (refuses.sink ? { kind: 'later', reason: 'it is away', afterMs: null } : { kind: 'accepted' }),
    }),
    clock: () => time.now,
    onFault: () => undefined,
  });
  const rowsOf = () => ({ encode: (row: Parameters<typeof encode>[0]) => encode(row), decode });
  const start = () =>
    outputs.open({
      rowsOf,
      feed: async (_, deliveries) => {
        if (refuses.feed) throw new Error('the disk is full');
        fed.push(...deliveries);
        return 0;
      },
    });
  const score = (offset: number, forgotten = false) => {
    const { id, at, name, number, gaps, category } = event(offset, START + offset);
    const blank = { id: '', ts: 0, ingestTs: at, payload: new Uint8Array() };
    const row = { id, ts: at, ingestTs: at, payload: encode([id, at, name, number, gaps, category]) };
    log.append('asked@1', 0, [forgotten ? blank : row]);
    const made = { offset, score: 0.5, error: null, model: 'small', version: 1, digest: 'd', plan: 0 };
    return laneRecord({ id, at, scoredAt: at, ...made, service: 'small@1', epoch: 1, lane: 'live' });
  };
  const keeps = async () => [
    ...(await Promise.all(outputs.held().map(({ keepFrom }) => keepFrom()))),
    ...(await Promise.all(outputs.readers().map(({ keepFrom }) => keepFrom()))),
  ];
  return { outputs, part: outputs.part(), log, topic, time, fed, refuses, start, score, keeps, scores };
}

test('the log keeps outputs that are not taken, and their events; for a sink that is away no longer than it says', async () => {
  const { part, log, topic, time, refuses, start, score, keeps } = await handed();
  // Before anything is known.
  log.append(topic, 0, [score(0)]);
  expect(await keeps()).toEqual([[0], [0]]);
  await start();
  await part.tick(time.now);
  await until(async () => (await keeps())[0][0] === 1);
  expect(await keeps()).toEqual([[1], [Number.POSITIVE_INFINITY]]);
  refuses.feed = true;
  log.append(topic, 0, [score(1), score(2)]);
  await part.tick(time.now);
  await until(async () => {
    await part.tick(time.now);
    return (await keeps())[0][0] === 1;
  });
  expect(await keeps()).toEqual([[1], [1]]);
  expect(part.health(time.now)).toEqual([
    expect.stringContaining('2 outputs of stream scored wait for source asked_scores'),
  ]);
  [refuses.feed, refuses.sink] = [false, true];
  log.append(topic, 0, [score(3)]);
  await until(async () => {
    await part.tick(time.now);
    return part.health(time.now).some((fact) => fact.includes('sink hook'));
  });
  expect(await keeps()).toEqual([[3], [Number.POSITIVE_INFINITY]]);
  time.now += 3_600_000;
  expect(await keeps()).toEqual([[4], [Number.POSITIVE_INFINITY]]);
  await part.close();
});

test('what the log has dropped is counted as lost, and an event that was forgotten gives no score', async () => {
  const { part, log, topic, time, start, score, fed } = await handed();
  const lost = 1_000;
  for (let i = 0; i < lost; i += 1) log.append(topic, 0, [score(i)]);
  for (let i = 0; i < lost; i += 1) log.append(topic, 0, [score(lost + i, i === 1)]);
  log.commit('stream-scored-to-asked_scores-1', topic, [0]);
  log.retain(topic, { olderThanIngestTs: START + lost, maxBytes: 1e9, keepFrom: [lost] });
  const [{ begin }] = log.ends(topic);
  expect(begin).toBeGreaterThan(0);
  await start();
  await part.tick(time.now);
  const kept = Array.from({ length: 2 * lost - begin }, (_, i) => `a${begin + i}`);
  expect(fed.map(({ id }) => id)).toEqual(kept.filter((id) => id !== `a${lost + 1}`));
  expect(part.status(time.now)).toMatchObject({
    streamOutputs: [{ name: 'asked_scores', lost: begin, taken: 2 * lost - begin }, {}],
  });
  await part.close();
});

test('where brokers keep the outputs, members of a group hand them on', async () => {
  const lanes = new MemoryLanes(1);
  lanes.assigned.set('one', [0]);
  const { part, topic, time, start, score, fed, scores } = await handed(lanes);
  const lane = await lanes.open({ reader: 'r', inputTopic: 'asked@1', outputs: topic, positions: 'p', partitions: 1 });
  const owner = await lane.fence(0);
  await owner.commit({ records: [score(0), score(1)], next: 2, state: new Uint8Array() });
  await start();
  await until(async () => {
    await part.tick(time.now);
    return fed.length === 2;
  });
  await owner.commit({ records: [score(2)], next: 3, state: new Uint8Array() });
  await until(async () => {
    await part.tick(time.now);
    return fed.length === 3;
  });
  expect(fed.map(({ row }) => row.slice(-2))).toEqual([
    [500_000n, 1],
    [500_000n, 1],
    [500_000n, 1],
  ]);
  expect(fed[0].row).toHaveLength(Object.keys(scores.columns).length);
  await part.close();
});
