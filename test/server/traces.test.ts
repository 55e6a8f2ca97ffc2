import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { parseTraceparent } from '../../src/base/trace.ts';
import { createClient } from '../../src/client/index.ts';
import {
  apply,
  batchView,
  bool,
  count,
  defineProject,
  entity,
  eventSource,
  featureService,
  float,
  int,
  lookup,
  model,
  onDemandView,
  sql,
  streamView,
  text,
  time,
} from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';
import { type CollectedSpan, type Collector, startCollector } from './collector.ts';

const START = Date.UTC(2026, 0, 1, 12);
const HOUR_MS = 3_600_000;

const clicks = eventSource('clicks', {
  id: 'id',
  time: 'at',
  lateness: '1d',
  columns: { id: text(), at: time(), user: text(), bought: bool() },
});
const user = entity('user', { user: text() });
const byUser = streamView('by_user', {
  source: clicks,
  entity: user,
  key: { user: 'user' },
  windows: ['1h'],
  freshness: '1s',
  features: () => ({ clicks: count() }),
});
const totals = batchView('totals', {
  entity: user,
  schedule: '0 * * * *',
  freshness: '2h',
  reads: { clicks },
  features: { n: int() },
  sql: ({ clicks: rows }) => sql`SELECT "user", COUNT(*) AS n FROM ${rows} GROUP BY "user"`,
});
const half = onDemandView('half', {
  inputs: { n: int() },
  features: { value: float() },
  compute: ({ n }) => ({ value: n / 2 }),
});
const clicker = featureService('clicker', {
  request: { user: text() },
  join: (r) => ({ live: lookup(byUser, { user: r.user }), totals: lookup(totals, { user: r.user }) }),
  compute: (_, f) => ({ half: apply(half, { n: f.live.clicks_1h }) }),
});
const buys = model('buys', {
  task: 'binary',
  service: clicker,
  spine: { from: clicks, id: 'id' },
  label: { from: clicks, id: 'id', value: (e) => e.bought, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const project = defineProject('site', { clicks, clicker, buys });

const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

let directory = '';
let collector: Collector;
const place = { now: START };

beforeEach(async () => {
  place.now = START;
  directory = mkdtempSync(join(tmpdir(), 'headrace-traces-'));
  collector = await startCollector();
});
afterEach(async () => {
  await collector.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(traces: object, onFault: (error: unknown) => void = () => undefined) {
  const headrace = await openHeadrace({
    project,
    environment: { directory, partitions: 1, traces },
    clock: () => place.now,
    onFault,
  });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 2 ** 20 });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await server.close();
    await headrace.close();
  };
  onTestFinished(close);
  return { headrace, url: server.url, close };
}

const click = (id: string) => ({ id, at: place.now - 1, user: 'ann', bought: id.endsWith('1') });
const named = (name: string) => collector.spans.filter((span) => span.name === name);
const childrenOf = (span: CollectedSpan | undefined) =>
  collector.spans.filter(({ parentSpanId }) => parentSpanId === span?.spanId).map(({ name }) => name);

async function askFeatures(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  request: object = { user: 'ann' },
) {
  const answer = await fetch(`${url}/v1/features/clicker`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ request }),
  });
  await answer.text();
  return answer.status;
}

test("a caller's trace continues through the server, with a part by view, its tier, age and budget", async () => {
  const { url, close } = await open({ otlp: collector.url, sample: 0 });
  const client = createClient<typeof project>({ url, traceparent: () => CALLER });
  await client.ingest('clicks', [click('a1'), click('a2')]);
  await client.vector('clicker', { user: 'ann' });
  await close();
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set(['0af7651916cd43dd8448eb211c80319c']));
  expect(collector.resource['service.name']).toBe('site');
  const [request] = named('POST /v1/features/:service');
  expect(request).toMatchObject({
    parentSpanId: 'b7ad6b7169203331',
    kind: 2,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/v1/features/:service',
      'url.path': '/v1/features/clicker',
      'http.response.status_code': 200,
    },
  });
  expect(childrenOf(request)).toEqual(['features clicker']);
  const [features] = named('features clicker');
  // The batch view has not run.
  expect(features.attributes).toMatchObject({ 'headrace.service': 'clicker', 'headrace.missing': 1 });
  expect(childrenOf(features)).toEqual(['lookup live', 'lookup totals', 'on-demand']);
  expect(named('lookup live')[0].attributes).toMatchObject({
    'headrace.view': 'by_user@1',
    'headrace.tier': 'streaming',
    'headrace.age_ms': 0,
    'headrace.freshness_budget_ms': 1_000,
    'headrace.stale': false,
  });
  expect(named('lookup totals')[0].attributes).toMatchObject({ 'headrace.tier': 'batch' });
  const [events] = named('POST /v1/events/:source');
  expect(childrenOf(events)).toEqual(['ingest clicks']);
  expect(named('ingest clicks')[0].attributes).toMatchObject({ 'headrace.accepted': 2, 'headrace.refused': 0 });
  expect(childrenOf(named('ingest clicks')[0])).toEqual(['log append', 'materialise']);
  for (const span of collector.spans) {
    const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    // Times are reported by one clock: a part lies within what it is a part of, but for what rounding does.
    if (parent === undefined) continue;
    expect(Number(BigInt(span.startTimeUnixNano) - BigInt(parent.startTimeUnixNano))).toBeGreaterThan(-2e6);
    expect(Number(BigInt(parent.endTimeUnixNano) - BigInt(span.endTimeUnixNano))).toBeGreaterThan(-2e6);
  }
});

test('a trace that its caller does not record is not recorded, and one without a caller by the share that is declared', async () => {
  const { url, headrace, close } = await open({ otlp: collector.url, sample: 0 });
  for (const traceparent of [CALLER.replace(/01$/, '00'), 'nonsense', `${CALLER}-more`])
    expect(await askFeatures(url, { traceparent })).toBe(200);
  await headrace.vector(clicker, { user: 'ann' });
  await headrace.ingest(clicks, [click('b1')]);
  await close();
  expect(collector.spans).toEqual([]);
  const all = await open({ otlp: collector.url, sample: 1 });
  expect(await askFeatures(all.url, { traceparent: 'nonsense' })).toBe(200);
  await all.headrace.vector(clicker, { user: 'ann' });
  await all.close();
  const roots = collector.spans.filter(({ parentSpanId }) => !parentSpanId).map(({ name }) => name);
  expect(roots).toEqual(expect.arrayContaining(['POST /v1/features/:service', 'features clicker']));
  expect(named('features clicker')).toHaveLength(2);
});

test('a refused request is reported by its status, and is no fault of the server', async () => {
  const { url, close } = await open({ otlp: collector.url, sample: 1 });
  expect(await askFeatures(url, {}, { usr: 'ann' })).toBe(400);
  expect(await askFeatures(url, { 'content-type': 'application/json;charset=x' }, { usr: 'ann' })).toBe(400);
  await close();
  const requests = named('POST /v1/features/:service');
  expect(requests.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([400, 400]);
  expect(requests.map(({ status }) => status.code ?? 0)).toEqual([0, 0]);
  expect(named('features clicker').map(({ status }) => status)).toEqual([
    { code: 2, message: 'REQUEST_MISSING' },
    { code: 2, message: 'REQUEST_MISSING' },
  ]);
});

async function trained(headrace: Headrace): Promise<void> {
  await headrace.ingest(
    clicks,
    Array.from({ length: 20 }, (_, i) => click(`t${i}`)),
  );
  const { version } = await headrace.train(buys, { to: place.now + 1 });
  await headrace.promote(buys, version);
}

test('a prediction is its features, the inference and its log; every run of a batch view is traced', async () => {
  const { url, headrace, close } = await open({ otlp: collector.url, sample: 0 });
  await trained(headrace);
  place.now += HOUR_MS;
  await headrace.tick();
  const client = createClient<typeof project>({ url, traceparent: () => CALLER });
  await client.predict('buys', 'p1', { user: 'ann' });
  await close();
  expect(childrenOf(named('POST /v1/predictions/:model')[0])).toEqual([
    'features clicker',
    'inference',
    'prediction log',
  ]);
  expect(named('inference')[0].attributes).toMatchObject({ 'headrace.model': 'buys', 'headrace.version': 1 });
  const [run] = named('batch totals');
  expect(run.attributes).toMatchObject({ 'headrace.view': 'totals@1', 'headrace.rows': 1, 'headrace.generation': 1 });
  expect(childrenOf(run)).toEqual(['sql', 'switch']);
});

test('a collector that refuses is reported, and holds up neither a request nor the end', async () => {
  const faults: unknown[] = [];
  collector.status = 400;
  const { url, close } = await open({ otlp: collector.url, sample: 1 }, (error) => faults.push(error));
  expect(await askFeatures(url)).toBe(200);
  await close();
  expect(faults).toMatchObject([{ code: 'TRACE_EXPORT' }]);
});

test('the variables of OpenTelemetry turn traces on, and off', async () => {
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER_ARG: '1',
    OTEL_SERVICE_NAME: 'shop',
  };
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const name of [...Object.keys(variables), 'OTEL_SDK_DISABLED']) delete process.env[name];
  });
  const on = await open({});
  expect(await askFeatures(on.url)).toBe(200);
  await on.close();
  expect(named('features clicker')).toHaveLength(1);
  expect(collector.resource['service.name']).toBe('shop');
  process.env['OTEL_SDK_DISABLED'] = 'true';
  const off = await open({});
  expect(off.headrace.tracer).toBeNull();
  await off.close();
});

test('a traceparent is read as W3C Trace Context has it, and nothing else is one', () => {
  const context = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  expect(parseTraceparent(CALLER)).toEqual({ ...context, isSampled: true });
  expect(parseTraceparent(CALLER.replace(/01$/, '02'))).toEqual({ ...context, isSampled: false });
  expect(parseTraceparent(`cc${CALLER.slice(2)}-what-comes`)).toEqual({ ...context, isSampled: true });
  const zeros = (text: string) => CALLER.replace(text, '0'.repeat(text.length));
  for (const bad of [
    '',
    `ff${CALLER.slice(2)}`,
    `${CALLER}-x`,
    CALLER.toUpperCase(),
    CALLER.slice(0, -1),
    zeros(context.traceId),
    zeros(context.spanId),
  ])
    expect(parseTraceparent(bad), bad).toBeNull();
  fc.assert(
    fc.property(fc.string(), (noise) => {
      expect(parseTraceparent(noise)).toBeNull();
    }),
  );
});
