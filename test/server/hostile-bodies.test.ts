import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grpcMethods, STREAM_INFER } from '../../src/server/grpc/grpc-methods.ts';
import { allMlflowRoutes } from '../../src/server/mlflow/all-mlflow-routes.ts';
import type { Define } from '../../src/server/route.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { childEnv } from '../child-env.ts';
import { until } from '../until.ts';
import { bombs, grpcBombs, grpcInputs, type HostileInput, plainInputs } from './hostile-inputs.ts';
import type { Cost, HostileSite } from './hostile-server.ts';
import { project } from './shop.ts';

/** An input may take this much memory, and may leave none held. */
const MOST_BYTES = 64 * 2 ** 20;
const MOST_GROWTH = 2 * MOST_BYTES;

/**
 * `HEADRACE_FUZZ=500` by hand: this many inputs of all go to all routes in each test, and the dearest are printed by their processor time.
 * In npm test each route gets those that cost most, and a share of the others in turn; their time is not judged.
 */
const most = Number(process.env['HEADRACE_FUZZ'] ?? 0);
const isLong = most > 0;
const SHARE = 13;
const COSTLY = ['brackets', 'emptyObjects'];

let child: ChildProcess;
let site: HostileSite;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const faults: string[] = [];

beforeAll(async () => {
  child = fork(new URL('./hostile-server.ts', import.meta.url), { env: childEnv() });
  [site] = await once(child, 'message');
  child.on('message', (message: { readonly fault?: string }) => {
    if (message.fault !== undefined) faults.push(message.fault);
  });
});

afterAll(() => {
  agent.destroy();
  child.disconnect();
});

async function cost(): Promise<Cost> {
  const answer = new Promise<Cost>((resolve) => {
    const take = (message: Cost) => {
      if (message.cpuMs === undefined) return;
      child.off('message', take);
      resolve(message);
    };
    child.on('message', take);
  });
  child.send('cost');
  return answer;
}

interface Measured {
  readonly name: string;
  readonly cpuMs: number;
  readonly bytes: number;
}
const measured: Measured[] = [];

/** Sends inputs one by one; each is compared with the bounds. */
async function bounded(inputs: Iterable<readonly [name: string, send: () => Promise<unknown>]>): Promise<void> {
  let before = await cost();
  for (const [name, send] of chosen([...inputs])) {
    await send();
    const after = await cost();
    const one = { name, cpuMs: after.cpuMs - before.cpuMs, bytes: after.peakBytes - before.peakBytes };
    measured.push(one);
    expect(one.bytes, `memory of ${name}`).toBeLessThan(MOST_GROWTH);
    before = after;
  }
  await until(async () => (await cost()).heldBytes === 0);
}

/** As many of the inputs of a long run as are asked for, evenly. */
function chosen<T>(inputs: readonly T[]): readonly T[] {
  const step = isLong ? Math.max(1, inputs.length / most) : 1;
  return Array.from({ length: Math.floor(inputs.length / step) }, (_, i) => inputs[Math.floor(i * step)]);
}

function post(url: string, method: string, type: string, { bytes, isGzip }: HostileInput): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': type,
      'content-length': bytes.length,
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
    };
    const sent = request(url, { method, headers, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    // A refused body may be cut off.
    sent.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET' ? resolve(0) : reject(error),
    );
    sent.end(bytes);
  });
}

/** Of a list those inputs that a route gets, by its place in the table. */
function shareOf(inputs: readonly HostileInput[], place: number): readonly HostileInput[] {
  if (isLong) return inputs;
  return inputs.filter(({ name }, i) => COSTLY.includes(name) || (i + place) % SHARE === 0);
}

const VALUES: Readonly<Record<string, string>> = { model: 'numbers', version: '1' };

/** The model stays loaded. */
function parameterOf(path: string, parameter: string): string {
  return path.endsWith('/unload') ? 'absent' : (VALUES[parameter] ?? 'x');
}

function* httpCalls(inputs: readonly HostileInput[]) {
  const define: Define = (id, schema) => ({ id, schema });
  for (const [place, route] of allRoutes.filter(({ method }) => method === 'POST').entries()) {
    const shapes = route.shapes(project, define);
    const shape = shapes[0];
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => shape?.name ?? parameterOf(route.path, name));
    const types = new Set(['application/json', ...Object.keys(shape?.body ?? {})]);
    const own = [...types].flatMap((type) => shareOf(inputs, place).map((input) => ({ type, input })));
    for (const { type, input } of own) {
      const name = `POST ${path} ${type} ${input.name}`;
      yield [
        name,
        async () => expect(await post(`${site.http}${path}`, 'POST', type, input), name).not.toBe(500),
      ] as const;
    }
  }
}

test('no body of 64 KiB costs a route of the server more than its bounds, or ends without an answer', async () => {
  await bounded(httpCalls(plainInputs));
});

/** Fields that a request may have too many of, or too long. */
const FIELDS: readonly Readonly<Record<string, string | readonly string[]>>[] = [
  { 'x-many': Array.from({ length: 900 }, (_, i) => `${i}`) },
  { authorization: 'Bearer a'.padEnd(15_000, 'a') },
  { accept: 'a,'.repeat(7_000) },
  { cookie: 'a=b; '.repeat(3_000) },
  { traceparent: ['00-a-b-01', '00-a-b-02'] },
  { 'content-type': ['application/json', 'text/plain'] },
];

/** Queries of about 14 KB: heads have at most 16 KiB. */
const QUERIES = [
  'a=1&'.repeat(3_500),
  'at='.concat('9'.repeat(14_000)),
  'limit=1e'.concat('9'.repeat(13_000)),
  '&'.repeat(14_000),
  '%5B'.repeat(4_600),
  'a[b]'.repeat(3_500),
  '__proto__=1&constructor=2&'.repeat(500),
  `filter=${'('.repeat(13_000)}`,
];

/** A request without a body; gives its status, 0 where the connection was cut. */
function ask(
  url: string,
  method: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(url, { method, headers: headers as Record<string, string | string[]>, agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0)).once('error', () => resolve(0));
      // An answer in pieces does not end by itself.
      if (String(response.headers['content-type']).startsWith('text/event-stream')) response.destroy();
    });
    sent.on('error', () => resolve(0));
    sent.end();
  });
}

function* bodilessCalls() {
  const define: Define = (id, schema) => ({ id, schema });
  const ours = allRoutes.map((route) => {
    const [shape] = route.shapes(project, define);
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => shape?.name ?? parameterOf(route.path, name));
    return { method: route.method, url: `${site.http}${path}` };
  });
  const theirs = allMlflowRoutes.map(({ method, path }) => ({
    method,
    url: `${site.registry}/api/2.0${path.replaceAll(/\{\w+\+?\}/g, 'a')}`,
  }));
  for (const [place, { method, url }] of [...ours, ...theirs].entries()) {
    const queries = isLong ? QUERIES : QUERIES.filter((_, i) => (i + place) % 4 === 0);
    for (const [i, query] of queries.entries()) {
      const name = `${method} ${url} query ${i}`;
      yield [name, async () => expect(await ask(`${url}?${query}`, method, {}), name).not.toBe(500)] as const;
    }
    const fields = isLong ? FIELDS : FIELDS.filter((_, i) => (i + place) % 7 === 0);
    for (const headers of fields) {
      const name = `${method} ${url} fields ${Object.keys(headers)}`;
      yield [name, async () => expect(await ask(url, method, headers), name).not.toBe(500)] as const;
    }
  }
}

test('no long query and no long or repeated field costs a route of any method more than its bounds', async () => {
  await bounded(bodilessCalls());
});

test('no compressed body does', async () => {
  const sizes = [...bombs(), ...bombs(2 * 2 ** 20)];
  await bounded(httpCalls(sizes.filter((_, i) => isLong || i % 2 === 0)));
  // A body as large as its compression may make it, and no larger.
  const path = '/v2/models/numbers/infer';
  await bounded(
    [...bombs(2 ** 20), ...bombs(2 ** 19)].map((input) => [
      `${path} ${input.name}`,
      async () =>
        expect([200, 400, 413]).toContain(await post(`${site.http}${path}`, 'POST', 'application/json', input)),
    ]),
  );
});

function* registryCalls() {
  const routes = allMlflowRoutes.filter(({ method, kind }) => method !== 'GET' && kind === 'json');
  for (const [place, { method, path }] of routes.entries())
    for (const input of shareOf(plainInputs, place)) {
      const url = `${site.registry}/api/2.0${path.replaceAll(/\{\w+\+?\}/g, 'a')}`;
      const name = `${method} ${path} ${input.name}`;
      yield [name, async () => expect(await post(url, method, 'application/json', input), name).not.toBe(500)] as const;
    }
}

test('no body of 64 KiB costs a route of the registry more than its bounds', async () => {
  await bounded(registryCalls());
});

/** Calls a method with one message; gives the status of gRPC. */
async function callGrpc(address: string, method: string, { bytes, isGzip }: HostileInput): Promise<string> {
  const session = connectHttp2(`http://${address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': `/inference.GRPCInferenceService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(isGzip ? { 'grpc-encoding': 'gzip' } : {}),
  });
  const head = Buffer.alloc(5);
  head[0] = isGzip ? 1 : 0;
  head.writeUInt32BE(bytes.length, 1);
  let status = '';
  const note = (headers: Readonly<Record<string, unknown>>) => {
    status = String(headers['grpc-status'] ?? status);
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('error', () => undefined);
  stream.resume();
  stream.end(Buffer.concat([head, bytes]));
  await once(stream, 'close');
  session.close();
  return status;
}

const allMethods = [...Object.keys(grpcMethods), STREAM_INFER];
const [UNAUTHENTICATED, RESOURCE_EXHAUSTED] = ['16', '8'];

test('no message of 64 KiB costs a method of gRPC more than its bounds, plain or compressed, with a key or without', async () => {
  const large = [...grpcBombs(2 * 2 ** 20), ...grpcBombs(40 * 2 ** 20), ...grpcInputs];
  const calls = function* () {
    for (const [place, method] of allMethods.entries())
      for (const input of shareOf(large, place)) {
        yield [`${method} ${input.name}`, async () => void (await callGrpc(site.grpc, method, input))] as const;
      }
    for (const input of large)
      yield [`ModelInfer ${input.name}`, () => callGrpc(site.grpc, 'ModelInfer', input)] as const;
  };
  await bounded(calls());
});

test('without a key no message is read, and only a small one by a method that needs none', async () => {
  const [bomb] = grpcBombs(2 * 2 ** 20);
  for (const method of allMethods) {
    const isPublic = Object.hasOwn(grpcMethods, method) && grpcMethods[method].scopes === null;
    expect(await callGrpc(site.keyed, method, bomb), method).toBe(isPublic ? RESOURCE_EXHAUSTED : UNAUTHENTICATED);
  }
});

test('no fault was one of the server', () => {
  const dearest = measured.toSorted((one, other) => other.cpuMs - one.cpuMs).slice(0, 12);
  if (isLong) console.warn(`${measured.length} inputs; the dearest: ${JSON.stringify(dearest)}`);
  expect(faults).toEqual([]);
});
