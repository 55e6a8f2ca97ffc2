import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey, revokeKey } from '../../src/operating/api-keys.ts';
import { SCOPES, type Scope } from '../../src/operating/scopes.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startReadServer, startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';

const directory = mkdtempSync(join(tmpdir(), 'headrace-console-'));
const options = { host: '127.0.0.1', port: 0, bodyLimit: 20_000 };
const beyond = { ...options, host: '0.0.0.0', tlsAtProxy: true };
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
let headrace: Headrace;

beforeAll(async () => {
  headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  createKey(directory, { name: 'console', scopes: ['read'], now: Date.now() });
});

afterAll(async () => {
  await headrace.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs work with a server, and closes it. */
async function serving<T>(start: () => Promise<RunningServer>, work: (url: string) => Promise<T>): Promise<T> {
  const server = await start();
  try {
    return await work(server.url.replace('0.0.0.0', '127.0.0.1'));
  } finally {
    await server.close();
  }
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const servers: readonly (readonly [string, () => Promise<RunningServer>])[] = [
  ['a server', () => startServer(headrace, options)],
  ['a process that only reads', () => startReadServer(headrace, options)],
  ['a server that needs keys', () => startServer(headrace, beyond)],
];

describe.each(servers)('%s', (_, start) => {
  test('gives browsers a page that loads from its own folder alone, under a policy without inline code', () =>
    serving(start, async (url) => {
      const answer = await fetch(`${url}/`, { headers: HTML });
      const page = await answer.text();
      expect(answer.status).toBe(200);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(page).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
      const loaded = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address ?? '');
      expect(loaded.length).toBeGreaterThan(1);
      for (const address of loaded) {
        expect(address, 'relative, so that a proxy may serve it below any path').toMatch(/^\.\/console\/[\w.-]+$/);
        const file = await fetch(`${url}/${address}`);
        expect(file.status, address).toBe(200);
        expect(file.headers.get('cache-control')).toContain('immutable');
        expect(file.headers.get('x-content-type-options')).toBe('nosniff');
      }
    }));

  test('sets no cookie: nothing of a browser signs a call of another page', () =>
    serving(start, async (url) => {
      for (const path of ['/', '/v1/session', '/v1/status']) {
        const answer = await fetch(`${url}${path}`, { headers: HTML });
        expect(answer.headers.get('set-cookie'), path).toBeNull();
      }
    }));

  test('gives programs JSON at /, and no file outside of the console', () =>
    serving(start, async (url) => {
      const root = await fetch(`${url}/`, { headers: { accept: 'application/json' } });
      expect([root.status, await root.json()]).toMatchObject([404, { error: { code: 'SERVER_CONSOLE' } }]);
      for (const path of ['/console/none.js', '/console/..%2F..%2Fpackage.json', '/console/%2e%2e%2findex.html'])
        expect((await fetch(`${url}${path}`)).status, path).toBe(404);
    }));
});

test('without the console its paths are unknown', () =>
  serving(
    () => startServer(headrace, { ...options, console: false }),
    async (url) => {
      for (const path of ['/', '/console/index.js']) {
        const answer = await fetch(`${url}${path}`, { headers: HTML });
        expect([answer.status, await answer.json()]).toMatchObject([404, { error: { code: 'SERVER_ROUTE' } }]);
      }
      const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
      expect(Object.keys(paths)).not.toContain('/');
    },
  ));

test('a session names the scopes of its key, and is refused without one', () => {
  const cases: readonly (readonly Scope[])[] = [...SCOPES.map((scope) => [scope]), ['read', 'promote']];
  const keys = cases.map((scopes) => createKey(directory, { name: scopes.join(' '), scopes, now: Date.now() }));
  return serving(
    () => startServer(headrace, beyond),
    async (url) => {
      const session = async (headers: Record<string, string>) => {
        const answer = await fetch(`${url}/v1/session`, { headers });
        return [answer.status, await answer.json()] as const;
      };
      expect(await session({})).toMatchObject([401, { error: { code: 'AUTH_KEY' } }]);
      for (const { key, text } of keys) {
        const granted = SCOPES.filter((scope) => key.scopes.includes('admin') || key.scopes.includes(scope));
        expect(await session(bearer(text))).toMatchObject([200, { key: key.id, scopes: granted }]);
      }
    },
  );
});

test('a live stream ends when its key is revoked, and needs the scopes of what it watches', () => {
  const { key, text } = createKey(directory, { name: 'watcher', scopes: ['read'], now: Date.now() });
  return serving(
    () => startServer(headrace, beyond),
    async (url) => {
      const watch = (topics: string) => fetch(`${url}/v1/live?topics=${topics}`, { headers: bearer(text) });
      expect((await watch('/v1/admin/jobs')).status).toBe(403);
      expect((await watch('/v1/none')).status).toBe(400);
      const stream = await watch('/v1/status,/v1/alerts');
      expect(stream.status, stream.ok ? '' : await stream.clone().text()).toBe(200);
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      revokeKey(directory, key.id, Date.now());
      const said = await stream.text();
      expect(said).toContain('event: /v1/status\n');
    },
  );
});
