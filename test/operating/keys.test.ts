import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { createKey, importKeys, readKeys, revokeKey } from '../../src/operating/api-keys.ts';
import { audited } from '../../src/operating/audit-log.ts';
import { KeyRing } from '../../src/operating/key-ring.ts';
import type { Scope } from '../../src/operating/scopes.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-keys-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function shop(directory: string): Promise<Headrace> {
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  onTestFinished(() => headrace.close());
  return headrace;
}

const keyOf = (directory: string, ...scopes: Scope[]) => createKey(directory, { name: 'k', scopes, now: 1 });

test('a key is kept as a hash, readable by the owner only, and is valid until it is revoked', () => {
  const directory = newDirectory();
  const { key, text } = keyOf(directory, 'read');
  const file = readFileSync(join(directory, 'keys.json'), 'utf8');
  expect(file).not.toContain(text);
  expect(file).not.toContain(text.slice(`hr_${key.id}_`.length));
  expect(statSync(join(directory, 'keys.json')).mode & 0o777).toBe(0o600);
  let now = 0;
  const ring = new KeyRing(directory, () => now);
  expect(ring.authorise(`Bearer ${text}`, 'read').id).toBe(key.id);
  expect(ring.authorise(`bearer  ${text}`, 'read').id).toBe(key.id);
  expect(() => ring.authorise(`Bearer ${text}`, 'write')).toThrow(
    expect.objectContaining({ code: 'AUTH_SCOPE', status: 403 }),
  );
  for (const header of [
    null,
    '',
    text,
    `Basic ${text}`,
    `Bearer ${text}x`,
    `Bearer ${text.slice(0, -1)}`,
    `Bearer ${'x'.repeat(1e6)}`,
    'Bearer constructor',
  ])
    expect(() => ring.authorise(header, 'read')).toThrow(expect.objectContaining({ code: 'AUTH_KEY', status: 401 }));
  revokeKey(directory, key.id, 2);
  now = 1_001;
  expect(() => ring.authorise(`Bearer ${text}`, 'read')).toThrow(expect.objectContaining({ code: 'AUTH_KEY' }));
  expect(() => revokeKey(directory, 'other', 3)).toThrow(expect.objectContaining({ code: 'KEYS_UNKNOWN' }));
});

test('an administrator may do all, and a key file that cannot be read leaves no key valid', () => {
  const directory = newDirectory();
  const { text } = keyOf(directory, 'admin');
  let now = 0;
  const ring = new KeyRing(directory, () => now);
  for (const scope of ['read', 'write', 'admin'] as const)
    expect(ring.authorise(`Bearer ${text}`, scope).name).toBe('k');
  writeFileSync(join(directory, 'keys.json'), '{"format":1,');
  for (const later of [2_000, 4_000]) {
    now = later;
    expect(() => ring.authorise(`Bearer ${text}`, 'read')).toThrow(expect.objectContaining({ code: 'KEYS_FILE' }));
  }
  rmSync(join(directory, 'keys.json'));
  now = 6_000;
  expect(() => ring.authorise(`Bearer ${text}`, 'read')).toThrow(expect.objectContaining({ code: 'AUTH_KEY' }));
});

test('two that change the keys at once do not overwrite each other', () => {
  const directory = newDirectory();
  writeFileSync(join(directory, 'keys.json.new'), '');
  expect(() => keyOf(directory, 'read')).toThrow(expect.objectContaining({ code: 'KEYS_FILE' }));
  expect(readKeys(directory)).toEqual([]);
});

test('beyond this machine it listens with keys and TLS only', async () => {
  const directory = newDirectory();
  const headrace = await shop(directory);
  const start = (more: object) => startServer(headrace, { host: '0.0.0.0', port: 0, bodyLimit: 2 ** 20, ...more });
  await expect(start({ tlsAtProxy: true })).rejects.toMatchObject({ code: 'AUTH_NO_KEYS' });
  keyOf(directory, 'read');
  await expect(start({})).rejects.toMatchObject({ code: 'AUTH_TLS' });
  const noFile = { certFile: '/nowhere', keyFile: '/nowhere' };
  await expect(start({ tls: noFile })).rejects.toMatchObject({ code: 'AUTH_TLS_FILE' });
  await (await start({ tlsAtProxy: true })).close();
});

test('every route but the two of life asks for the scope, however its path is written', async () => {
  const directory = newDirectory();
  const headrace = await shop(directory);
  const { text: read } = keyOf(directory, 'read');
  const { text: write } = keyOf(directory, 'write');
  const { text: admin } = keyOf(directory, 'admin');
  const server = await startServer(headrace, { host: '0.0.0.0', port: 0, bodyLimit: 2 ** 20, tlsAtProxy: true });
  onTestFinished(() => server.close());
  const url = `http://127.0.0.1:${new URL(server.url).port}`;
  const ask = async (method: string, path: string, key?: string) => {
    const headers = {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    const answer = await fetch(`${url}${path}`, { method, headers, ...(method === 'POST' ? { body: '[]' } : {}) });
    return answer.status;
  };
  expect(await ask('GET', '/healthz')).toBe(200);
  expect(await ask('GET', '/readyz')).toBe(200);
  for (const path of ['/metrics', '/openapi.json'])
    expect([await ask('GET', path), await ask('GET', path, read)]).toEqual([401, 200]);
  for (const path of ['/v1/events/purchases', '/v1/%65vents/purchases', '/v1/events/purchases?x=1'])
    expect([await ask('POST', path), await ask('POST', path, read), await ask('POST', path, write)]).toEqual([
      401, 403, 200,
    ]);
  for (const path of ['/v1/features/shopper', '/v1/predictions/risk', '/v1/f%65atures/shopper'])
    expect([await ask('POST', path), await ask('POST', path, write), await ask('POST', path, read)]).toEqual([
      401, 403, 400,
    ]);
  for (const path of ['/v1/admin/forget', '/v1/%61dmin/forget'])
    expect([await ask('POST', path), await ask('POST', path, write), await ask('POST', path, admin)]).toEqual([
      401, 403, 400,
    ]);
  expect(await ask('GET', '/nothing')).toBe(401);
  const client = createClient<typeof project>({ url, key: read });
  expect(await client.vector('shopper', { user: 'ann', price: '1' })).toMatchObject({ complete: true });
  await expect(client.ingest('purchases', [])).rejects.toMatchObject({ code: 'AUTH_SCOPE' });
});

test('an entity is forgotten over HTTP by an administrator, and the audit log has who, what, when and the outcome', async () => {
  const directory = newDirectory();
  const headrace = await shop(directory);
  const { key, text } = keyOf(directory, 'admin');
  const server = await startServer(headrace, { host: '0.0.0.0', port: 0, bodyLimit: 2 ** 20, tlsAtProxy: true });
  onTestFinished(() => server.close());
  const forget = (entity: string) =>
    fetch(`http://127.0.0.1:${new URL(server.url).port}/v1/admin/forget`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${text}` },
      body: JSON.stringify({ entity, key: { user: 'ann-secret' } }),
    });
  expect(await (await forget('user')).json()).toMatchObject({ entity: 'user', untouched: ['returns@1'] });
  expect((await forget('visitor')).status).toBe(404);
  const lines = readFileSync(join(directory, 'audit.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { who: `key ${key.id}`, what: 'forget', outcome: 'done', at: expect.stringMatching(/^\d{4}-.*Z$/) },
    { who: `key ${key.id}`, what: 'forget', outcome: 'FORGET_ENTITY' },
  ]);
  expect(lines.join('')).not.toContain('ann-secret');
  await expect(
    audited(
      directory,
      { who: 'x', what: 'y', target: 'z' },
      () => 0,
      () => Promise.reject(new Error('no')),
    ),
  ).rejects.toThrow('no');
  expect(readFileSync(join(directory, 'audit.jsonl'), 'utf8')).toMatch(/"outcome":"failed"}\n$/);
});

test('with a certificate it speaks TLS, and no plain HTTP', async (context) => {
  const directory = newDirectory();
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  try {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        keyFile,
        '-out',
        certFile,
      ],
      { stdio: 'ignore' },
    );
  } catch {
    context.skip('there is no openssl to make a certificate with');
  }
  const headrace = await shop(directory);
  const { text } = keyOf(directory, 'read');
  const server = await startServer(headrace, {
    host: '0.0.0.0',
    port: 0,
    bodyLimit: 2 ** 20,
    tls: { certFile, keyFile },
  });
  onTestFinished(() => server.close());
  const { port, protocol } = new URL(server.url);
  expect(protocol).toBe('https:');
  const status = await new Promise((resolve, reject) => {
    request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path: '/openapi.json',
        ca: readFileSync(certFile),
        headers: { authorization: `Bearer ${text}` },
      },
      (answer) => resolve(answer.resume().statusCode),
    )
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});

test('keys that come from a Secret: a revocation of either side stays, and a key that the Secret lacks is revoked', () => {
  const [from, to] = [newDirectory(), newDirectory()];
  const keys = ['kept', 'revokedHere', 'revokedThere', 'removed'].map((name) =>
    createKey(from, { name, scopes: ['read'], now: 1 }),
  );
  const states = () => Object.fromEntries(readKeys(to).map(({ name, revokedAt }) => [name, revokedAt]));
  const path = join(from, 'keys.json');
  importKeys(to, path, 2);
  expect(states()).toEqual({ kept: null, revokedHere: null, revokedThere: null, removed: null });
  revokeKey(to, keys[1]?.key.id ?? '', 3);
  revokeKey(from, keys[2]?.key.id ?? '', 4);
  const file = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(
    path,
    JSON.stringify({ ...file, keys: file.keys.filter(({ name }: { name: string }) => name !== 'removed') }),
  );
  // As a pod does at each of its starts.
  for (const now of [5, 6]) importKeys(to, path, now);
  expect(states()).toEqual({ kept: null, revokedHere: 3, revokedThere: 4, removed: 5 });
  writeFileSync(path, '{');
  expect(() => importKeys(to, path, 7)).toThrow(expect.objectContaining({ code: 'KEYS_FILE' }));
  expect(states()).toEqual({ kept: null, revokedHere: 3, revokedThere: 4, removed: 5 });
});

test('the pods of the chart take keys by keys import, have no token of the API and stand behind a network policy', () => {
  const chart = new URL('../../deploy/helm/headrace/templates/', import.meta.url);
  const texts = readdirSync(chart).map((name) => readFileSync(new URL(name, chart), 'utf8'));
  const all = texts.join('\n');
  expect(all).toContain('args: [keys, import, /keys/keys.json');
  expect(all).not.toContain('copyFileSync');
  const pods = texts.filter((text) => /^kind: (Deployment|StatefulSet|DaemonSet|Job|CronJob)$/m.test(text));
  expect(pods.length).toBe(2);
  for (const text of pods) expect(text).toContain('include "headrace.pod"');
  expect(all).toContain('automountServiceAccountToken: false');
  expect(all).toContain('kind: NetworkPolicy');
  expect(all).toContain('@{{ .Values.image.digest }}');
});
