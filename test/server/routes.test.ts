import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partFigures } from '../../src/observe/prometheus.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { partKinds } from '../../src/running/parts.ts';
import { VECTOR_BINARY_TYPE } from '../../src/schema/vector-format.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import { openApi } from '../../src/server/openapi.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { project, purchases, returns, risk } from './shop.ts';

const MINUTE_MS = 60_000;
const START = Date.UTC(2026, 0, 1);
const BODY_LIMIT = 20_000;

let now = START;
let headrace: Headrace;
let server: RunningServer;
const directory = mkdtempSync(join(tmpdir(), 'headrace-server-'));

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock: () => now });
  server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: BODY_LIMIT });
});

afterAll(async () => {
  await server.close();
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(`${server.url}${path}`, init);
  const text = await answer.text();
  // Bounded: the description is one long line.
  expect(text).not.toMatch(/\bat [^"]{0,200}[/\\][^":]{0,200}:\d+:\d+|node_modules|\.ts\b/);
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
}

function post(path: string, body: unknown, type = 'application/json'): Promise<Answer> {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const event = (id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id,
  at: now - 30_000,
  user: 'ann',
  price: 1.5,
  number: 7,
  ...more,
});

const errorOf = (code: string) => ({
  error: { code, message: expect.any(String), hint: expect.any(String), retry: expect.any(String) },
});

test('events are taken one at a time, as an array, and as JSON lines', async () => {
  expect(await post('/v1/events/purchases', event('a'))).toMatchObject({
    status: 200,
    body: { accepted: 1, refused: 0 },
  });
  expect(await post('/v1/events/purchases', [event('b'), event('c')])).toMatchObject({ body: { accepted: 2 } });
  const lines = `${JSON.stringify(event('d'))}\n\n${JSON.stringify(event('e'))}\n`;
  expect(await post('/v1/events/purchases', lines, 'application/x-ndjson')).toMatchObject({ body: { accepted: 2 } });
  expect(await post('/v1/events/purchases', [])).toMatchObject({ status: 200, body: { accepted: 0, refused: 0 } });
  expect(headrace.counters(purchases).gateway.accepted).toBe(5);
});

test.each([
  ['a text for a number', event('x1', { price: 'much' }), 'EVENT_TYPE'],
  ['a number for a text', event('x2', { user: 3 }), 'EVENT_TYPE'],
  ['a missing column', { id: 'x3', at: START }, 'EVENT_MISSING'],
  ['a column that is not declared', event('x4', { colour: 'red' }), 'EVENT_UNKNOWN_COLUMN'],
  ['an inherited name', '{"__proto__":{"id":"x"},"id":"x5","at":1,"price":1,"number":1}', 'EVENT_UNKNOWN_COLUMN'],
  ['an id with a space', event('x 6'), 'EVENT_ID'],
  ['a fraction of a millisecond', event('x7', { at: START + 0.5 }), 'EVENT_TIME'],
  ['a time to come', event('x8', { at: START + 400 * 86_400_000 }), 'EVENT_FUTURE'],
  ['a number beyond int64', `{"id":"x9","at":${START},"price":1,"number":9223372036854775808}`, 'EVENT_TYPE'],
  ['more decimals than declared', event('x10', { price: 1.005 }), 'EVENT_TYPE'],
  ['a lone surrogate', `{"id":"x11","at":${START},"user":"\\ud800","price":1,"number":1}`, 'EVENT_TYPE'],
  ['an array in an array', [[event('x12')]], 'EVENT_SHAPE'],
  ['nothing', 'null', 'EVENT_SHAPE'],
])('an event with %s is refused with its reason', async (_, body, code) => {
  const { status, body: answer } = await post('/v1/events/purchases', body);
  expect({ status, answer }).toMatchObject({
    status: 400,
    answer: { accepted: 0, refused: 1, errors: [{ index: 0, code }] },
  });
});

test('an event that is refused keeps no other out', async () => {
  const answer = await post('/v1/events/purchases', [event('g'), event('h', { price: null }), event('i')]);
  expect(answer).toMatchObject({ status: 200, body: { accepted: 2, refused: 1, errors: [{ index: 1 }] } });
});

test.each([
  ['malformed JSON', '{"id":', 'application/json', 400, 'SERVER_BODY'],
  ['NaN', '{"id":"n","at":NaN}', 'application/json', 400, 'SERVER_BODY'],
  ['an empty body', '', 'application/json', 400, 'SERVER_BODY'],
  ['a malformed line', '{"id":"n"}\n{', 'application/x-ndjson', 400, 'SERVER_BODY'],
  ['another content type', '<id/>', 'text/xml', 415, 'SERVER_MEDIA_TYPE'],
  ['a body beyond the limit', 'x'.repeat(BODY_LIMIT + 1), 'application/json', 413, 'SERVER_BODY_SIZE'],
])('%s is a catalogued error on every route that takes a body', async (_, body, type, status, code) => {
  for (const path of ['/v1/events/purchases', '/v1/features/shopper', '/v1/predictions/risk']) {
    if (type === 'application/x-ndjson' && path !== '/v1/events/purchases') continue;
    expect(await post(path, body, type)).toMatchObject({ status, body: errorOf(code) });
  }
});

test.each([
  ['GET', '/', 404, 'SERVER_CONSOLE'],
  ['GET', '/v1/features/', 404, 'SERVER_ROUTE'],
  ['GET', '/v1/features/shopper/more', 404, 'SERVER_ROUTE'],
  ['GET', '/%zz', 404, 'SERVER_ROUTE'],
  ['POST', '/v1/events/nothing', 404, 'EVENT_SOURCE'],
  ['POST', '/v1/features/nothing', 404, 'SERVICE_UNKNOWN'],
  ['POST', '/v1/features/__proto__', 404, 'SERVICE_UNKNOWN'],
  ['POST', '/v1/predictions/nothing', 404, 'MODEL_UNKNOWN'],
])('%s %s is answered with %i %s', async (method, path, status, code) => {
  const body = method === 'POST' ? { headers: { 'content-type': 'application/json' }, body: '{}' } : {};
  expect(await ask(path, { method, ...body })).toMatchObject({ status, body: errorOf(code) });
});

test('a vector says what it holds, how old it is and what is missing', async () => {
  const request = { user: 'ann', price: 2 };
  const { body } = await post('/v1/features/shopper', { request });
  expect(body).toMatchObject({
    at: now,
    complete: true,
    features: { spend_purchases_1h: 7, spend_spent_1h: '10.50', price: '2.00' },
    missing: {},
  });
  const many = await post('/v1/features/shopper', { requests: [request, { user: 'nobody', price: 2 }] });
  expect(many).toMatchObject({
    status: 200,
    body: { vectors: [body, { features: { spend_purchases_1h: 0, spend_spent_1h: null } }] },
  });
  const spaced = await post('/v1/features/shopper', { request }, 'application/json; charset=utf-8');
  expect(spaced.body).toEqual(body);
});

test('a null key, an unknown key and an instant in the past each have their reason', async () => {
  const read = async (user: unknown, at?: number) =>
    (await post('/v1/features/shopper', { request: { user, price: 1 }, at })).body;
  expect(await read(null)).toMatchObject({ complete: false, missing: { spend_purchases_1h: 'nullKey' } });
  expect(await read('nobody')).toMatchObject({ complete: true, features: { spend_spent_1h: null } });
  expect(await read('ann', now - 40_000)).toMatchObject({ missing: { spend_purchases_1h: 'past' } });
});

test.each([
  ['no request', {}, 'REQUEST_SHAPE'],
  ['a request that is a list', { request: [] }, 'REQUEST_SHAPE'],
  ['a wrong type', { request: { user: 1, price: 1 } }, 'REQUEST_TYPE'],
  ['a missing column', { request: { user: 'a' } }, 'REQUEST_MISSING'],
  ['an unknown column', { request: { user: 'a', price: 1, colour: 1 } }, 'REQUEST_UNKNOWN_COLUMN'],
  ['an unknown member', { request: { user: 'a', price: 1 }, when: 1 }, 'SERVER_BODY'],
  ['an instant that is text', { request: { user: 'a', price: 1 }, at: 'now' }, 'INSTANT_VALUE'],
  ['an instant in seconds', { request: { user: 'a', price: 1 }, at: 1_772_360_430 }, 'INSTANT_UNIT'],
  ['requests that are no list', { requests: {} }, 'SERVER_BODY'],
  ['both forms at once', { request: { user: 'a', price: 1 }, requests: [{ user: 'a', price: 1 }] }, 'SERVER_BODY'],
  ['too many requests', { requests: Array.from({ length: 1_001 }, () => 1) }, 'SERVER_BODY'],
])('a read with %s is refused', async (_, body, code) => {
  expect(await post('/v1/features/shopper', body)).toMatchObject({ status: 400, body: errorOf(code) });
});

test('a prediction waits for a champion, then is served by it', async () => {
  const body = { id: 'p', request: { user: 'ann', price: 2 } };
  const none = await post('/v1/predictions/risk', body);
  expect(none).toMatchObject({ status: 503, body: errorOf('MODEL_NONE') });
  expect(none.headers.get('retry-after')).toBe('1');
  expect(await ask('/readyz')).toMatchObject({
    status: 200,
    body: { ready: true, waiting: [], degraded: ['model risk has no champion'] },
  });

  for (let i = 0; i < 60; i += 1) {
    now += MINUTE_MS;
    await headrace.ingest(headrace.source('purchases'), [event(`t${i}`, { at: now, user: `u${i % 4}`, price: i })]);
    await headrace.ingest(returns, [{ id: `r${i}`, at: now, purchase: `t${i}`, returned: i % 3 === 0 || i > 40 }]);
  }
  const { version } = await headrace.train(risk, { to: now + 1 });
  const promote = (more: object) => post('/v1/admin/promote', { model: 'risk', version, ...more });
  expect(await promote({ model: 'none' })).toMatchObject({ status: 404, body: errorOf('MODEL_UNKNOWN') });
  expect(await promote({ version: 7 })).toMatchObject({ status: 404, body: errorOf('REGISTRY_VERSION') });
  expect(await promote({ version: '1' })).toMatchObject({ status: 400, body: errorOf('SERVER_BODY') });
  expect(await promote({})).toMatchObject({ status: 200, body: { model: 'risk', champion: version } });
  expect(await ask('/readyz')).toMatchObject({ status: 200, body: { ready: true, waiting: [], degraded: [] } });
  const { status, body: answer } = await post('/v1/predictions/risk', body);
  expect({ status, answer }).toMatchObject({ status: 200, answer: { id: 'p', model: 'risk', version: 1, at: now } });
  expect(answer).toHaveProperty('score', expect.any(Number));
  expect(await post('/v1/predictions/risk', { ...body, id: 4 })).toMatchObject({
    status: 400,
    body: errorOf('SERVER_BODY'),
  });
  expect(await post('/v1/predictions/risk', { id: 'q', request: {} })).toMatchObject({ status: 400 });
});

test('health, metrics and the description are served, and the description has every route', async () => {
  expect(await ask('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  const { body: metrics } = await ask('/metrics');
  expect(metrics).toMatch(/^headrace_events_total\{source="purchases",outcome="sent"\} \d+$/m);
  expect(metrics).toMatch(/^headrace_vector_read_seconds_count\{service="shopper"\} [1-9]\d*$/m);
  const rows = [...partKinds.flatMap(({ figures }) => figures), ...Object.values(partFigures)];
  for (const { name, type } of rows) expect(metrics).toContain(`# TYPE ${name} ${type}\n`);
  const own = String(metrics).match(/(?<=^# TYPE )headrace_\w+/gm) ?? [];
  expect(own.filter((name) => !rows.some((row) => row.name === name))).toEqual([]);
  expect(new Set(own).size, 'each figure once').toBe(own.length);
  expect(metrics).toMatch(/^headrace_budget_observations_total\{of="view",name="spend@1",measure="freshness"\} [1-9]/m);
  const { body } = await ask('/openapi.json');
  expect(body).toMatchObject({ openapi: '3.1.0', info: { title: 'shop' } });
  expect(Object.keys((body as { paths: object }).paths).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    '/',
    '/console/{file}',
    '/docs',
    '/docs/',
    '/docs/{file}',
    '/docs/{first}/{file}',
    '/docs/{first}/{second}/{file}',
    '/docs/{first}/{second}/{third}/{file}',
    '/healthz',
    '/metrics',
    '/openapi.json',
    '/readyz',
    '/v1/admin/audit',
    '/v1/admin/backups',
    '/v1/admin/batch',
    '/v1/admin/dead-rows/{id}',
    '/v1/admin/flush',
    '/v1/admin/forget',
    '/v1/admin/jobs',
    '/v1/admin/jobs/{id}',
    '/v1/admin/keys',
    '/v1/admin/promote',
    '/v1/alerts',
    '/v1/alias-moves/risk',
    '/v1/budgets',
    '/v1/drift',
    '/v1/drift/risk',
    '/v1/events/purchases',
    '/v1/events/returns',
    '/v1/experiments',
    '/v1/explanations/basket',
    '/v1/explanations/shopper',
    '/v1/feature-report',
    '/v1/features/basket',
    '/v1/features/shopper',
    '/v1/files/cost',
    '/v1/files/drift',
    '/v1/files/gpu',
    '/v1/incidents',
    '/v1/incidents/{no}',
    '/v1/labs',
    '/v1/labs/gpu-cluster',
    '/v1/labs/inference-modes',
    '/v1/labs/model-drift',
    '/v1/labs/online-features',
    '/v1/labs/training-bill',
    '/v1/live',
    '/v1/model-sets/risk',
    '/v1/models',
    '/v1/models/risk',
    '/v1/playbooks',
    '/v1/playbooks/risk',
    '/v1/predictions/risk',
    '/v1/project',
    '/v1/quality/risk',
    '/v1/rollouts',
    '/v1/rollouts/{model}',
    '/v1/run-metrics',
    '/v1/runs',
    '/v1/session',
    '/v1/slo',
    '/v1/status',
    '/v1/training-runs',
    '/v1/training-sets/basket',
    '/v1/training-sets/shopper',
    '/v2',
    '/v2/',
    '/v2/cudasharedmemory/region/{region}/register',
    '/v2/cudasharedmemory/region/{region}/status',
    '/v2/cudasharedmemory/region/{region}/unregister',
    '/v2/cudasharedmemory/status',
    '/v2/cudasharedmemory/unregister',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/stats',
    '/v2/models/{model}',
    '/v2/models/{model}/config',
    '/v2/models/{model}/generate',
    '/v2/models/{model}/generate_stream',
    '/v2/models/{model}/infer',
    '/v2/models/{model}/ready',
    '/v2/models/{model}/stats',
    '/v2/models/{model}/versions/{version}',
    '/v2/models/{model}/versions/{version}/config',
    '/v2/models/{model}/versions/{version}/generate',
    '/v2/models/{model}/versions/{version}/generate_stream',
    '/v2/models/{model}/versions/{version}/infer',
    '/v2/models/{model}/versions/{version}/ready',
    '/v2/models/{model}/versions/{version}/stats',
    '/v2/repository/index',
    '/v2/repository/models/{model}/load',
    '/v2/repository/models/{model}/unload',
    '/v2/systemsharedmemory/region/{region}/register',
    '/v2/systemsharedmemory/region/{region}/status',
    '/v2/systemsharedmemory/region/{region}/unregister',
    '/v2/systemsharedmemory/status',
    '/v2/systemsharedmemory/unregister',
  ]);
  for (const [path, operations] of Object.entries((body as { paths: Readonly<Record<string, object>> }).paths)) {
    const [method = ''] = Object.keys(operations);
    const { status, body: answer } = await ask(path, { method: method.toUpperCase() });
    // A route without that job is a route.
    if (path.endsWith('{id}')) expect(answer).toEqual(errorOf('JOB_UNKNOWN'));
    // The console is for browsers.
    else if (path === '/' || path.startsWith('/console/')) expect(answer).toEqual(errorOf('SERVER_CONSOLE'));
    // The server is no demo.
    else if (path === '/v1/incidents/{no}') expect(answer).toEqual(errorOf('ALERT_UNKNOWN'));
    else if (path.startsWith('/v1/labs')) expect(answer).toEqual(errorOf('LABS_OFF'));
    // Only a copy of the repository may have built its documentation.
    else if (path.startsWith('/docs/{')) expect(answer).toEqual(errorOf('SERVER_DOCS'));
    else if (path.startsWith('/docs')) expect([200, 404], path).toContain(status);
    else if (path.startsWith('/v1/rollouts/'))
      expect(answer).toEqual(errorOf(method === 'get' ? 'MODEL_UNKNOWN' : 'SERVER_BODY'));
    // Without regions their list is empty, and shared memory is off.
    else if (path.includes('sharedmemory')) expect([200, 501], path).toContain(status);
    else if (path.includes('{')) expect(answer, path).toMatchObject({ code: expect.stringMatching(/^OIP_/) });
    else expect(status, path).not.toBe(404);
  }
});

const train = { kind: 'train', model: 'risk' };
const backfill = { kind: 'backfill', view: 'spend' };

test.each([
  ['no object', [], /expected object/],
  ['no kind', { model: 'risk' }, /member .*kind.*: it is not train, backfill or predict/],
  ['another kind', { ...train, kind: '__proto__' }, /member .*kind.*: it is not train, backfill or predict/],
  ['no model', { kind: 'train' }, /member \W+model\W/],
  ['a model that is a number', { kind: 'train', model: 5 }, /member \W+model\W/],
  ['a view that is an object', { kind: 'backfill', view: {} }, /member \W+view\W/],
  ['the members of a backfill', { ...train, view: {}, rollBack: 'x', acceptLoss: 3 }, /unknown member \W+view\W/],
  ['the members of a training', { ...backfill, mode: 'corrected' }, /unknown member \W+mode\W/],
  ['a mode that is none', { ...train, mode: 'later' }, /member \W+mode\W/],
  ['a fraction of a millisecond', { ...train, from: 0.5 }, /member \W+from\W/],
  ['an instant that is a text', { ...backfill, to: '1' }, /member \W+to\W/],
  ['a flag that is a text', { ...backfill, rollBack: 'x' }, /member \W+rollBack\W/],
  ['what only a batch view takes', { ...backfill, acceptLoss: true }, /spend is none/],
])('a job with %s is refused, with its reason, and does not start', async (_, body, reason) => {
  const before = await ask('/v1/admin/jobs');
  expect(await post('/v1/admin/jobs', body)).toMatchObject({
    status: 400,
    body: { error: { code: 'SERVER_BODY', message: expect.stringMatching(reason) } },
  });
  expect((await ask('/v1/admin/jobs')).body).toEqual(before.body);
});

test('what is wrong with a spine that was sent is said of the body, not of a file of this machine', async () => {
  for (const [type, body] of [
    ['application/vnd.apache.parquet', 'no parquet'],
    ['application/x-ndjson', '{"user": '],
    ['text/csv', ''],
  ] as const) {
    const { status, body: answer } = await post('/v1/training-sets/shopper', body, type);
    expect(status, type).toBe(400);
    expect(JSON.stringify(answer)).toMatch(/SPINE_/);
    expect(JSON.stringify(answer)).not.toMatch(/headrace-server-|training-sets|\/tmp/);
  }
});

test('a route takes the media types that the description names, and no other', async () => {
  const { paths } = openApi(project, allRoutes) as {
    paths: Readonly<Record<string, { post?: { requestBody: { content: object } } }>>;
  };
  for (const [path, { post: operation }] of Object.entries(paths)) {
    // Inference takes bytes whatever their type: some clients name none.
    if (operation === undefined || path.startsWith('/v2/')) continue;
    for (const type of Object.keys(operation.requestBody.content))
      expect((await post(path, '\0', type)).status, `${path} ${type}`).toBe(400);
    for (const type of ['application/pdf', 'text/plain', 'application/x-www-form-urlencoded'])
      expect(await post(path, '{}', type), `${path} ${type}`).toMatchObject({
        status: 415,
        body: errorOf('SERVER_MEDIA_TYPE'),
      });
  }
});

test('the description says in what forms a vector is answered', () => {
  const { paths } = openApi(project, allRoutes) as {
    paths: Readonly<Record<string, { post: { responses: { 200: { content: object } } } }>>;
  };
  expect(Object.keys(paths['/v1/features/shopper'].post.responses[200].content)).toEqual([
    'application/json',
    VECTOR_BINARY_TYPE,
  ]);
});
