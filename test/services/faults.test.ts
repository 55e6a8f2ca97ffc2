// @module-tag deep

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterEach, expect, test } from 'vitest';
import { makeCertificates } from '../../scripts/services/certificates.ts';
import { freePorts } from '../../scripts/services/service.ts';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { tileLayout } from '../../src/features/tile/tile-layout.ts';
import { freshOptions } from './addresses.ts';
import { Clicks } from './clicks.ts';
import { deepText } from './deep-text.ts';
import { numericView, tilesOf } from './numeric-tiles.ts';
import { OwnServer } from './own-server.ts';
import { recovers, written } from './recovers.ts';
import { until } from './until.ts';
import { Wire } from './wire.ts';

const ending: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function ownServer(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
  const server = await OwnServer.start(settings);
  ending.push(() => server.end());
  return server;
}

async function openSite(url: string, more: Partial<RedisOptions> = {}, cacheKeys = 1_000, users = 50): Promise<Clicks> {
  const site = new Clicks(freshOptions([url], more), users);
  ending.push(() => site.end());
  await site.open(cacheKeys);
  return site;
}

async function send(url: string, args: readonly string[]): Promise<unknown> {
  const client = await createClient({ url }).connect();
  try {
    return await client.sendCommand([...args]);
  } finally {
    client.destroy();
  }
}

test.each([
  ['without AOF', { appendonly: 'no' }],
  ['with AOF', { appendonly: 'yes', appendfsync: 'everysec' }],
])(
  'a server that is killed and comes back %s: no smaller sum but degraded ones, and all right again',
  async (_, settings) => {
    const server = await ownServer(settings);
    const site = await openSite(server.url);
    const reader = await site.reader();
    ending.push(() => reader.close());
    await site.ingest(5_000);
    await written(site, reader.read);
    await site.ingest(500);
    await server.kill();
    // The log takes events while the store is away.
    await site.ingest(500);
    await server.start();
    await recovers(site, reader.read);
    await site.ingest(500);
    await written(site, reader.read);
    await recovers(site, reader.read);
    for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
  },
);

test('a failover that loses acknowledged writes under load: noticed, read again from the log, sums right', async () => {
  const [primary, replica] = [await ownServer(), await ownServer()];
  await send(replica.url, ['REPLICAOF', '127.0.0.1', String(primary.port)]);
  await until(async () => String(await send(replica.url, ['INFO', 'replication'])).includes('master_link_status:up'));
  // The address of the service: it leads to whichever is primary.
  const wire = await Wire.open(primary.port);
  ending.push(() => wire.close());
  const site = await openSite(wire.url);
  const reader = await site.reader();
  ending.push(() => reader.close());
  await site.ingest(5_000);
  await written(site, reader.read);
  await until(async () => {
    const [a, b] = await Promise.all([primary, replica].map(({ url }) => send(url, ['DBSIZE'])));
    return a === b;
  });
  // The replica hears nothing any more; what comes now is acknowledged by the primary alone.
  await send(replica.url, ['REPLICAOF', 'NO', 'ONE']);
  for (let i = 0; i < 10; i += 1) await site.ingest(200);
  await written(site, reader.read);
  const ingesting = (async () => {
    for (let i = 0; i < 20; i += 1) {
      await site.ingest(50);
      await sleep(50);
    }
  })();
  await primary.kill();
  wire.turnTo(replica.port);
  const seen = await recovers(site, reader.read);
  await ingesting;
  await recovers(site, reader.read);
  expect(seen.degraded).toBeGreaterThan(0);
  for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
});

test('a connection that is cut during the answers of a pipeline: nothing lost, nothing twice', async () => {
  const server = await ownServer();
  const wire = await Wire.open(server.port);
  ending.push(() => wire.close());
  const site = await openSite(wire.url, {}, 1_000, 3_000);
  for (let i = 0; i < 12; i += 1) {
    wire.cutAfter(50 + i * 777);
    // Answers of short pipelines may end before the cut: more of them come.
    await until(async () => {
      await site.ingest(3_000);
      return wire.cuts > i;
    });
  }
  const reader = await site.reader();
  ending.push(() => reader.close());
  await written(site, reader.read);
  for (const user of site.users) expect(await reader.read(user)).toEqual({ ...site.expected(user), degraded: false });
  for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
});

test('a server that is full refuses: events wait in the log, and are written when there is room', async () => {
  const server = await ownServer();
  const site = await openSite(server.url);
  await site.ingest(1_000);
  await until(async () => Number(await send(server.url, ['DBSIZE'])) > 10);
  await send(server.url, ['CONFIG', 'SET', 'maxmemory', '1']);
  await site.ingest(1_000);
  await until(async () => site.faults.some((error) => isHeadraceError(error, 'REDIS_MEMORY')));
  // The process that writes has them in memory.
  const [user] = site.users;
  expect(await site.writer(user)).toMatchObject(site.expected(user));
  await send(server.url, ['CONFIG', 'SET', 'maxmemory', '0']);
  const reader = await site.reader();
  ending.push(() => reader.close());
  await written(site, reader.read);
});

test('a server that may evict is refused when it is opened, and noticed while it runs', async () => {
  const server = await ownServer({ 'maxmemory-policy': 'allkeys-lru' });
  await expect(openRedisStore(freshOptions([server.url]))).rejects.toMatchObject({ code: 'REDIS_POLICY' });
  await send(server.url, ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
  const site = await openSite(server.url);
  await send(server.url, ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']);
  await until(async () => site.faults.some((error) => isHeadraceError(error, 'REDIS_POLICY')));
});

test('a server that hangs: calls fail within their time, and continue when it does', async () => {
  const server = await ownServer();
  const site = await openSite(server.url, { timeoutMs: 300 }, 1_000, 3_000);
  await site.ingest(3_000);
  const reader = await site.reader();
  ending.push(() => reader.close());
  await written(site, reader.read);
  process.kill(server.pid, 'SIGSTOP');
  await expect(reader.read('user 1')).rejects.toMatchObject({ code: 'REDIS_TIMEOUT' });
  await site.ingest(3_000);
  await until(async () => site.faults.some((error) => isHeadraceError(error, 'REDIS_TIMEOUT')));
  process.kill(server.pid, 'SIGCONT');
  await written(site, reader.read);
  for (const user of site.users.slice(0, 100)) expect(await reader.read(user)).toMatchObject(site.expected(user));
});

test('a wrong password is named, and is in no error', async () => {
  const server = await ownServer({ requirepass: 'right-password' });
  const opening = openRedisStore(freshOptions([server.url], { password: 'wrong-password' }));
  const error = await opening.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ code: 'REDIS_AUTH' });
  expect(deepText(error)).not.toContain('wrong-password');
  const store = await openRedisStore(freshOptions([server.url], { password: 'right-password' }));
  await store.close();
});

test('nobody listening is named', async () => {
  const [port] = await freePorts(1);
  const opening = openRedisStore(freshOptions([`redis://127.0.0.1:${port}`], { timeoutMs: 300 }));
  await expect(opening).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
});

test('TLS: the certificate of the declared authority is trusted, another is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  ending.push(async () => rmSync(folder, { recursive: true }));
  const other = join(folder, 'other');
  for (const made of [folder, other]) await makeCertificates(made);
  const [port] = await freePorts(1);
  const server = await ownServer({
    'tls-port': String(port),
    'tls-cert-file': join(folder, 'server.crt'),
    'tls-key-file': join(folder, 'server.key'),
    'tls-ca-cert-file': join(folder, 'ca.crt'),
    'tls-auth-clients': 'no',
  });
  expect(server.port).not.toBe(port);
  const url = `rediss://127.0.0.1:${port}`;
  const layout = tileLayout(numericView(2));
  const store = await openRedisStore(
    freshOptions([url], { tls: { ca: readFileSync(join(folder, 'ca.crt'), 'utf8') } }),
  );
  const report = await store.writeTiles({ writer: 'w', position: {}, tiles: tilesOf(layout, 60_000, 'u', 3) });
  expect(report.applied).toBe(3);
  await store.close();
  const unknown = { ca: readFileSync(join(other, 'ca.crt'), 'utf8') };
  await expect(openRedisStore(freshOptions([url], { tls: unknown, timeoutMs: 500 }))).rejects.toMatchObject({
    code: 'REDIS_UNREACHABLE',
  });
});
