import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey } from '../../src/operating/api-keys.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { allowsHost, hostList } from '../../src/server/host-list.ts';
import { type RunningServer, startReadServer, startServer } from '../../src/server/http-server.ts';
import { openApi } from '../../src/server/openapi.ts';
import { allRoutes } from '../../src/server/routes/all-routes.ts';
import { project } from './shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-hosts-'));
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

const STRANGERS = ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:8080', '10.0.0.1'];

interface Route {
  readonly method: string;
  readonly path: string;
}

/** Every route, as the lean reader and the full server read it, and one that is not there. */
function routes(): readonly Route[] {
  const { paths } = openApi(project, allRoutes) as { readonly paths: Readonly<Record<string, object>> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, 'shopper'),
    })),
  );
  return [...described, { method: 'POST', path: '/v1/events/purchases' }, { method: 'GET', path: '/nowhere' }];
}

async function ask(
  { url }: RunningServer,
  { method, path }: Route,
  host: string,
): Promise<{ status: number; body: string }> {
  const body = method === 'POST' ? '{"request":{"user":"ann","price":1}}' : '';
  const headers = {
    host,
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
  };
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { method, headers }, (answer) => {
      text(answer).then((all) => resolve({ status: answer.statusCode ?? 0, body: all }), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

const servers: readonly (readonly [string, () => Promise<readonly RunningServer[]>])[] = [
  ['a server', async () => [await startServer(headrace, options)]],
  [
    'a server without a thread for its connections',
    async () => [await startServer(headrace, { ...options, sharesPort: true })],
  ],
  [
    'a reader and its writer',
    async () => {
      const writer = join(directory, 'writer.sock');
      const writing = await startServer(headrace, { ...options, socketPath: writer });
      return [await startReadServer(headrace, { ...options, writer, sharesPort: true }), writing];
    },
  ],
];

describe.each(servers)('%s on this machine', (_, start) => {
  let running: readonly RunningServer[];
  beforeAll(async () => {
    running = await start();
  });
  afterAll(async () => {
    for (const server of running) await server.close();
  });

  test.each(routes())('answers $method $path under its own names only', async (route) => {
    for (const host of STRANGERS)
      expect(await ask(running[0], route, host)).toMatchObject({
        status: 421,
        body: expect.stringContaining('SERVER_HOST'),
      });
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:8080', '127.9.9.9', '[::1]:8080', 'localhost.'])
      expect((await ask(running[0], route, host)).status).not.toBe(421);
  });
});

test('a server answers under the names that it is started with, and beyond this machine under every address', () => {
  const local = allowsHost(hostList({ host: '127.0.0.1', hosts: ['Shop.internal'] }));
  const asked = ['shop.internal', 'SHOP.internal:80', 'localhost', 'shop.internal.evil', '10.0.0.1', '[fe80::1]', ''];
  expect(asked.filter(local)).toEqual(['shop.internal', 'SHOP.internal:80', 'localhost']);
  const beyond = allowsHost(hostList({ host: '0.0.0.0', hosts: ['shop.internal'] }));
  expect(asked.filter(beyond)).toEqual([...asked.slice(0, 3), '10.0.0.1', '[fe80::1]']);
  const keyed = allowsHost(hostList({ host: '0.0.0.0' }));
  expect(asked.filter(keyed)).toEqual(asked);
});

test.each([
  'localhost:',
  'localhost:x',
  'localhost:80:80',
  '[::1',
  '::1',
  '[::1]x',
  'localhost/x',
  'user@localhost',
  ' localhost',
])('the host "%s" is not one of this machine', (host) => {
  expect(allowsHost(hostList({ host: '127.0.0.1' }))(host)).toBe(host === 'localhost:');
});

test('a caller with a key is asked for a known name too, where names are given', async () => {
  const { text: key } = createKey(directory, { name: 'web', scopes: ['read'], now: 0 });
  const beyond = { ...options, host: '0.0.0.0', tlsAtProxy: true, hosts: ['shop.internal'] };
  const server = await startServer(headrace, beyond);
  const at = { ...server, url: server.url.replace('0.0.0.0', '127.0.0.1') };
  expect(key).not.toBe('');
  expect(await ask(at, { method: 'GET', path: '/v1/status' }, 'evil.example')).toMatchObject({ status: 421 });
  expect(await ask(at, { method: 'GET', path: '/v1/status' }, 'shop.internal')).toMatchObject({ status: 401 });
  await server.close();
});
