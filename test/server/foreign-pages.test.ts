import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMemoryRegistry } from '../../src/compose/open-registry.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { grpcMethods } from '../../src/server/grpc/grpc-methods.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { loadProto } from '../../src/server/grpc/proto.ts';
import { type RunningServer, startReadServer, startServer } from '../../src/server/http-server.ts';
import { allMlflowRoutes } from '../../src/server/mlflow/all-mlflow-routes.ts';
import { foreignPage } from '../../src/server/page-rule.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { registrySite } from '../registry/registry-site.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-pages-'));
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

type Fields = Readonly<Record<string, string>>;

/** What browsers send for a page elsewhere: by fetch, by a form, of a sandbox, by an image, of another port, from before Fetch Metadata. */
const FOREIGN: readonly Fields[] = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
  { origin: 'null', 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  { origin: 'http://localhost:1', 'sec-fetch-site': 'same-site' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'http://localhost.evil.example' },
  { origin: '' },
];

const OWN = (origin: string): readonly Fields[] => [
  {},
  { origin },
  { 'sec-fetch-site': 'none' },
  { 'sec-fetch-mode': 'cors' },
];

interface Asked {
  readonly method: string;
  readonly path: string;
}

function ask(url: string, { method, path }: Asked, fields: Fields): Promise<{ status: number; body: string }> {
  const { port } = new URL(url);
  const body = method === 'GET' || method === 'DELETE' ? '' : '{}';
  const headers = {
    host: `localhost:${port}`,
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': 2 }),
    ...fields,
  };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      text(answer).then((all) => resolve({ status: answer.statusCode ?? 0, body: all }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

/** Every route, and a path that is not one; hot routes are written as the lean reader takes them. */
const routes: readonly Asked[] = [
  ...allRoutes.map(({ method, path }) => ({
    method,
    path: path.replace('{source}', 'purchases').replaceAll(/\{\w+\}/g, 'shopper'),
  })),
  { method: 'GET', path: '/nowhere' },
  { method: 'OPTIONS', path: '/v1/status' },
];

const servers: readonly (readonly [string, () => Promise<readonly RunningServer[]>])[] = [
  ['a server', async () => [await startServer(headrace, options)]],
  [
    'a reader and its writer',
    async () => {
      const writer = join(directory, 'writer.sock');
      const writing = await startServer(headrace, { ...options, socketPath: writer });
      return [await startReadServer(headrace, { ...options, writer, sharesPort: true }), writing];
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

  test('answers no route to a page of another site, and every route to its own pages and to programs', async () => {
    const [{ url }] = running;
    const own = `http://localhost:${new URL(url).port}`;
    for (const [i, route] of routes.entries()) {
      // Every route is asked by some of them, and each of them asks a hot route and a plain one.
      for (const fields of i < 3 ? FOREIGN : [FOREIGN[i % FOREIGN.length]])
        expect(await ask(url, route, fields), `${route.method} ${route.path}`).toMatchObject({
          status: 403,
          body: expect.stringContaining('SERVER_PAGE'),
        });
      for (const fields of i < 3 ? OWN(own) : [{ origin: own }])
        expect((await ask(url, route, fields)).status, `${route.method} ${route.path}`).not.toBe(403);
    }
  });

  test('is reached by a link of another page', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(await ask(running[0].url, { method: 'GET', path: '/healthz' }, link)).toMatchObject({ status: 200 });
  });
});

test('a server with keys answers pages with a key in their header, and pages of names that it is given', async () => {
  const { text: key } = createKey(directory, { name: 'web', scopes: ['read'], now: 0 });
  const beyond = { ...options, host: '0.0.0.0', tlsAtProxy: true, hosts: ['Shop.example'] };
  const { url, close } = await startServer(headrace, beyond);
  const page = { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' };
  const status = { method: 'GET', path: '/v1/status' };
  expect(await ask(url, status, { ...page, authorization: `Bearer ${key}` })).toMatchObject({ status: 200 });
  expect(await ask(url, status, { ...page, authorization: 'Basic eDp5' })).toMatchObject({ status: 403 });
  expect(await ask(url, status, page)).toMatchObject({ status: 403 });
  expect(await ask(url, status, { ...page, origin: 'https://shop.example' })).toMatchObject({ status: 401 });
  await close();
});

test('the registry answers none of its routes to a page of another site', async () => {
  const { url } = await registrySite(openMemoryRegistry());
  const asked = allMlflowRoutes.map(({ method, path }) => ({
    method,
    path: `/api/2.0${path.replaceAll(/\{\w+\+?\}/g, 'x')}`,
  }));
  for (const [i, route] of [...asked, { method: 'GET', path: '/version' }].entries()) {
    for (const fields of [FOREIGN[i % FOREIGN.length]])
      expect(await ask(url, route, fields), `${route.method} ${route.path}`).toMatchObject({
        status: 403,
        body: expect.stringContaining('PERMISSION_DENIED'),
      });
    const own = { origin: `http://localhost:${new URL(url).port}` };
    expect((await ask(url, route, own)).status).not.toBe(403);
  }
});

test('gRPC answers no method to a page of another site', async () => {
  const running = await startGrpc(headrace, { host: '127.0.0.1', port: 0 });
  const client = new Client(running.address, credentials.createInsecure());
  const proto = await loadProto();
  const metadata = new Metadata();
  metadata.set('origin', 'https://evil.example');
  for (const name of Object.keys(grpcMethods)) {
    const refused = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest(
        `/inference.GRPCInferenceService/${name}`,
        (fields: object) => proto.encode(`${name}Request`, fields),
        (bytes) => bytes,
        {},
        metadata,
        (error) => resolve(error),
      );
    });
    expect(refused, name).toMatchObject({ code: status.PERMISSION_DENIED });
  }
  const stream = client.makeBidiStreamRequest(
    '/inference.GRPCInferenceService/ModelStreamInfer',
    (fields: object) => proto.encode('ModelInferRequest', fields),
    (bytes) => bytes,
    metadata,
  );
  const failed = once(stream, 'error');
  stream.end();
  stream.resume();
  expect(await failed).toMatchObject([{ code: status.PERMISSION_DENIED }]);
  client.close();
  await running.close();
});

test('whatever its name, a page is of the server only if scheme and host are those that the client asked for', () => {
  const rule = { names: [], keyed: false };
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  const address = fc.tuple(label, fc.constantFrom('', '.example'), fc.constantFrom('', ':80', ':443', ':8080'));
  const sender = { method: 'POST', mode: undefined, site: undefined, authorization: undefined };
  fc.assert(
    fc.property(address, address, fc.constantFrom('http', 'https'), ([a, b, port], [c, d, other], scheme) => {
      const [host, origin] = [`${a}${b}${port}`, `${scheme}://${c}${d}${other}`];
      const isOwn = new URL(origin).host === new URL(`${scheme}://${host}`).host;
      expect(foreignPage(rule, { ...sender, host, origin }) === null).toBe(isOwn);
      expect(foreignPage(rule, { ...sender, host, origin: `${scheme}://${host}` })).toBeNull();
    }),
  );
});
