import { mkdtempSync, rmSync } from 'node:fs';
import { IncomingMessage, METHODS, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { accessTables, routeTable } from '../../scripts/route-tables.ts';
import { compareText } from '../../src/base/text-order.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, serveReads, serveRoutes } from '../../src/server/http-server.ts';
import { openApi } from '../../src/server/openapi.ts';
import { json, jsonAnswer, type ReadRoute, type Route, type WriteRoute } from '../../src/server/route.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { turns, until } from '../until.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-route-list-'));
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Two routes that are records and nothing else; `process` is who answers. */
function addedRoutes(process: string): readonly Route[] {
  const answer = z.object({ process: z.string(), name: z.string() });
  const look: ReadRoute = {
    method: 'GET',
    path: '/v1/look/{source}',
    operationId: 'look',
    tag: 'operations',
    scopes: ['read'],
    changes: null,
    access: 'reads',
    page: { takes: '', answers: 'a look' },
    errors: ['EVENT_SOURCE'],
    shapes: ({ sources }, define) =>
      sources.map(({ name }) => ({ name, summary: 'Looks.', answers: { 200: json(define('Look', answer)) } })),
    run: (_, { name }) => jsonAnswer({ process, name }),
  };
  const keep: WriteRoute = {
    method: 'POST',
    path: '/v1/keep',
    operationId: 'keep',
    tag: 'admin',
    scopes: ['admin'],
    changes: 'jobs',
    access: 'writes',
    page: { takes: '`{}`', answers: 'what was kept' },
    errors: [],
    shapes: (_, define) => [
      {
        summary: 'Keeps.',
        body: json(define('KeepBody', z.strictObject({}))),
        answers: { 200: json(define('Kept', answer)) },
      },
    ],
    run: () => jsonAnswer({ process, name: '' }),
  };
  return [...allRoutes, look, keep];
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly key?: string;
}

interface Answer {
  readonly status: number;
  readonly allow: string | undefined;
  readonly body: string;
}

/** fetch refuses some methods. */
function ask({ url }: RunningServer, { method, path, key }: Asked): Promise<Answer> {
  const body = method === 'POST' ? '{}' : '';
  const headers = {
    host: 'localhost',
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      const { statusCode: status = 0, headers } = answer;
      text(answer).then((all) => resolve({ status, allow: headers.allow, body: all }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const describedBy = (routes: readonly Route[]) => openApi(project, routes) as unknown as Description;

test('a route that is added to the list is in the description and in both tables', () => {
  const { paths, components } = describedBy(addedRoutes('one'));
  expect(paths['/v1/look/purchases']).toMatchObject({
    get: { operationId: 'look_purchases', tags: ['operations'], security: [{ apiKey: ['read'] }] },
  });
  expect(paths['/v1/keep']).toMatchObject({ post: { operationId: 'keep', security: [{ apiKey: ['admin'] }] } });
  expect(Object.keys(paths['/v1/look/returns'].get.responses)).toEqual([
    '200',
    '400',
    '401',
    '403',
    '404',
    '421',
    '500',
  ]);
  expect(Object.keys(components['schemas'])).toEqual(expect.arrayContaining(['Look', 'KeepBody', 'Kept']));
  expect(routeTable(addedRoutes('one'))).toContain(
    '\n| `GET /v1/look/{source}` |  | a look |\n| `POST /v1/keep` | `{}` |',
  );
  expect(accessTables(addedRoutes('one'))).toMatch(/^\| `admin` \| jobs .* \| yes \|.* `POST \/v1\/keep` \|$/m);
  expect(accessTables(addedRoutes('one'))).toMatch(
    /^\| `read` \| nothing \| {2}\|.* `GET \/v1\/look\/\{source\}` \|$/m,
  );
});

test('a route that is added to the list is served, checked for its scope, and answers other methods with 405', async () => {
  const keyOf = (scope: 'read' | 'admin') => createKey(directory, { name: scope, scopes: [scope], now: 0 }).text;
  const [read, admin] = [keyOf('read'), keyOf('admin')];
  const beyond = { ...options, host: '0.0.0.0', tlsAtProxy: true };
  const server = await serveRoutes(addedRoutes('one'), headrace, beyond);
  try {
    const look = { method: 'GET', path: '/v1/look/purchases' };
    const keep = { method: 'POST', path: '/v1/keep' };
    expect(await ask(server, look)).toMatchObject({ status: 401 });
    expect(await ask(server, { ...look, key: read })).toMatchObject({
      status: 200,
      body: '{"process":"one","name":"purchases"}',
    });
    expect(await ask(server, { ...keep, key: read })).toMatchObject({ status: 403 });
    expect(await ask(server, { ...keep, key: admin })).toMatchObject({ status: 200 });
    expect(await ask(server, { ...keep, method: 'DELETE' })).toMatchObject({ status: 401 });
    expect(await ask(server, { ...keep, method: 'DELETE', key: read })).toMatchObject({
      status: 405,
      allow: 'OPTIONS, POST',
    });
    for (const method of ['GET', 'QUERY', 'PURGE'])
      expect(await ask(server, { method, path: '/nothing' }), method).toMatchObject({ status: 401 });
    expect(await ask(server, { ...look, method: 'OPTIONS', key: read })).toEqual({
      status: 204,
      allow: 'GET, HEAD, OPTIONS',
      body: '',
    });
  } finally {
    await server.close();
  }
});

test('a process that only reads answers an added route that reads, and forwards one that writes', async () => {
  const socketPath = join(directory, 'writer.sock');
  const writer = await serveRoutes(addedRoutes('writer'), headrace, { ...options, socketPath });
  const reader = await serveReads(addedRoutes('reader'), headrace, { ...options, writer: socketPath });
  const alone = await serveReads(addedRoutes('alone'), headrace, options);
  try {
    const look = { method: 'GET', path: '/v1/look/purchases' };
    expect(JSON.parse((await ask(reader, look)).body)).toMatchObject({ process: 'reader' });
    expect(JSON.parse((await ask(reader, { ...look, path: '/v1/l%6fok/a' })).body)).toMatchObject({
      process: 'reader',
    });
    expect(JSON.parse((await ask(reader, { method: 'POST', path: '/v1/keep' })).body)).toMatchObject({
      process: 'writer',
    });
    expect(await ask(reader, { method: 'DELETE', path: '/v1/keep' })).toMatchObject({ status: 405 });
    expect((await ask(reader, { method: 'GET', path: '/nothing' })).body).toContain('SERVER_ROUTE');
    expect(await ask(alone, { method: 'POST', path: '/v1/keep' })).toMatchObject({
      status: 404,
      body: expect.stringContaining('SERVER_READ_ONLY'),
    });
  } finally {
    for (const server of [reader, alone, writer]) await server.close();
  }
});

test('a route that asks after its client has left finds it gone', async () => {
  const left = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<boolean>();
  const heard: WriteRoute = {
    method: 'POST',
    path: '/v1/heard',
    operationId: 'heard',
    tag: 'admin',
    scopes: ['admin'],
    changes: null,
    access: 'writes',
    takesStream: true,
    page: { takes: '', answers: '' },
    errors: [],
    shapes: () => [{ summary: 'Hears.', answers: {} }],
    run: async (_, request) => {
      await text(request.stream);
      left.resolve();
      await until(() => request.stream instanceof IncomingMessage && request.stream.socket.destroyed);
      // The end of a connection has been reported by then.
      await turns(10);
      gone.resolve(request.gone().aborted);
      return jsonAnswer({});
    },
  };
  const server = await serveRoutes([heard], headrace, options);
  try {
    const sent = request(`${server.url}/v1/heard`, { method: 'POST', headers: { 'content-type': 'text/csv' } });
    sent.on('error', () => undefined);
    sent.end('user');
    await left.promise;
    // One that only ends its sending side still waits for its answer.
    sent.socket?.resetAndDestroy();
    expect(await gone.promise).toBe(true);
  } finally {
    await server.close();
  }
});

const servers: readonly (readonly [string, () => Promise<readonly RunningServer[]>])[] = [
  ['a server', async () => [await serveRoutes(allRoutes, headrace, options)]],
  [
    'a server without a thread for its connections',
    async () => [await serveRoutes(allRoutes, headrace, { ...options, sharesPort: true })],
  ],
  [
    'a reader with its writer',
    async () => {
      const socketPath = join(directory, 'methods.sock');
      const writer = await serveRoutes(allRoutes, headrace, { ...options, socketPath });
      return [await serveReads(allRoutes, headrace, { ...options, writer: socketPath, sharesPort: true }), writer];
    },
  ],
];

describe.each(servers)('%s', (_, start) => {
  let running: readonly RunningServer[];
  beforeAll(async () => {
    running = await start();
  });
  afterAll(async () => {
    for (const server of running) await server.close();
  });

  // A tunnel is no request for a path.
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  const paths = Object.entries(describedBy(allRoutes).paths);

  test.each(paths)('answers every method on %s', async (path, operations) => {
    const own = Object.keys(operations).map((method) => method.toUpperCase());
    const allow = [...own, ...(own.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort(compareText).join(', ');
    for (const method of methods) {
      const answer = await ask(running[0], { method, path });
      if (own.includes(method)) {
        expect(answer.status, method).not.toBe(405);
        expect(answer.body, method).not.toContain('SERVER_ROUTE');
      } else if (method === 'OPTIONS') expect(answer, method).toEqual({ status: 204, allow, body: '' });
      else if (method === 'HEAD' && own.includes('GET'))
        expect(answer, method).toMatchObject({
          status: (await ask(running[0], { method: 'GET', path })).status,
          body: '',
        });
      else {
        expect(answer, method).toMatchObject({ status: 405, allow });
        expect(answer.body, method).toContain(method === 'HEAD' ? '' : 'SERVER_METHOD');
      }
    }
  });

  test('answers every method on a path that is not there with 404', async () => {
    for (const method of methods) {
      const { status, body } = await ask(running[0], { method, path: '/nothing' });
      expect({ status, body }, method).toEqual({
        status: 404,
        body: method === 'HEAD' ? '' : expect.stringContaining('SERVER_ROUTE'),
      });
    }
    expect(await ask(running[0], { method: 'OPTIONS', path: '*' })).toMatchObject({
      status: 204,
      allow: 'DELETE, GET, HEAD, OPTIONS, POST',
    });
  });
});

test('every operation has its own id, a tag that is declared, named errors and references that lead somewhere', () => {
  const description = describedBy(allRoutes);
  const operations = Object.values(description.paths).flatMap((methods) => Object.values(methods));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  const { tags } = description as unknown as { readonly tags: readonly { readonly name: string }[] };
  for (const {
    tags: [tag],
    operationId,
  } of operations)
    expect(
      tags.map(({ name }) => name),
      operationId,
    ).toContain(tag);
  const refs = JSON.stringify(description).match(/(?<="\$ref":")[^"]+/g) ?? [];
  expect(refs.length).toBeGreaterThan(operations.length);
  for (const ref of new Set(refs)) {
    const [, , kind = '', name = ''] = ref.split('/');
    expect(description.components[kind]?.[name], ref).toBeDefined();
  }
});
