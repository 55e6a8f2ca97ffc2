// @module-tag deep

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster, startNode } from '../../scripts/services/redis-cluster.ts';
import { type Server, stopServer } from '../../scripts/services/server.ts';
import { freshOptions } from './addresses.ts';
import { Clicks } from './clicks.ts';
import { recovers, written } from './recovers.ts';
import { until } from './until.ts';

const directory = mkdtempSync(join(tmpdir(), 'cluster-'));
let nodes: Server[] = [];

beforeAll(async () => {
  nodes = [...(await startCluster(directory))];
});

afterAll(async () => {
  for (const client of clients.values()) client.destroy();
  for (const node of nodes) await stopServer(node);
  rmSync(directory, { recursive: true, force: true });
});

function urls(): readonly string[] {
  return nodes.map(({ port }) => `redis://127.0.0.1:${port}`);
}

const clients = new Map<number, { sendCommand(args: string[]): Promise<unknown>; destroy(): void }>();

async function send(port: number, args: readonly string[]): Promise<unknown> {
  const client = clients.get(port) ?? (await connectTo(port));
  clients.set(port, client);
  return client.sendCommand([...args]);
}

/** One that outlives the death of its node. */
async function connectTo(port: number): Promise<{ sendCommand(args: string[]): Promise<unknown>; destroy(): void }> {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Ingests until what is done meanwhile is done. */
async function underLoad(site: Clicks, work: () => Promise<void>): Promise<void> {
  const state = { isDone: false };
  const load = (async () => {
    while (!state.isDone) {
      await site.ingest(60);
      await sleep(10);
    }
  })();
  try {
    await work();
  } finally {
    state.isDone = true;
    await load;
  }
}

async function withSite(
  work: (site: Clicks, read: Awaited<ReturnType<Clicks['reader']>>['read']) => Promise<void>,
): Promise<void> {
  const site = new Clicks(freshOptions(urls()), 300);
  try {
    await site.open();
    const reader = await site.reader();
    try {
      await work(site, reader.read);
    } finally {
      await reader.close();
    }
  } finally {
    await site.end();
  }
}

test('slots that move under load: answers stay right, nothing is lost or twice', async () => {
  await withSite(async (site, read) => {
    await site.ingest(3_000);
    await written(site, read);
    const [from, to] = nodes;
    await underLoad(site, async () => {
      const ids = await Promise.all([from, to].map(async ({ port }) => String(await send(port, ['CLUSTER', 'MYID']))));
      for (let slot = 0; slot < 120; slot += 1) {
        await send(to.port, ['CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', ids[0]]);
        await send(from.port, ['CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', ids[1]]);
        const keys = await send(from.port, ['CLUSTER', 'GETKEYSINSLOT', String(slot), '1000']);
        for (const key of Array.isArray(keys) ? keys.map(String) : []) {
          await send(from.port, ['MIGRATE', '127.0.0.1', String(to.port), key, '0', '5000']);
          for (const user of site.users.slice(0, 3)) expect((await read(user)).degraded).toBe(false);
        }
        for (const { port } of [to, from]) await send(port, ['CLUSTER', 'SETSLOT', String(slot), 'NODE', ids[1]]);
      }
    });
    await written(site, read);
    for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
  });
});

test('a primary that comes back empty: only its keys are added to again, all sums are right', async () => {
  await withSite(async (site, read) => {
    await site.ingest(3_000);
    await written(site, read);
    await stopServer(nodes[2]);
    nodes[2] = await startNode(directory, nodes[2].port);
    const { degraded } = await recovers(site, read);
    expect(degraded).toBeGreaterThan(0);
    await site.ingest(1_000);
    await written(site, read);
    for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
  });
});

test('a primary that dies under load: its replica takes over, sums are right', async () => {
  await withSite(async (site, read) => {
    await site.ingest(3_000);
    await written(site, read);
    const [, dead] = nodes;
    await underLoad(site, async () => {
      await stopServer(dead);
      await until(async () => {
        const info = String(await send(nodes[4].port, ['INFO', 'replication']));
        return info.includes('role:master') || 'the replica has not taken over';
      });
      // The load reaches it.
      const { n } = site.expected(site.users[0]);
      await until(async () => site.expected(site.users[0]).n > n + 5);
    });
    await recovers(site, read);
    await written(site, read);
    for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
  });
});
