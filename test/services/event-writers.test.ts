// @module-tag deep

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { afterEach, expect, test } from 'vitest';
import { joinShares } from '../../src/backends/redis/share-leases.ts';
import { storeKeys } from '../../src/backends/redis/store-keys.ts';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { openReader } from '../../src/running/reader.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { OwnServer } from './own-server.ts';
import { SentClicks } from './sent-clicks.ts';
import { both, byUser, changedProject, PAGES, service, USERS } from './tile-project.ts';
import { until } from './until.ts';
import { WriterProcesses } from './writer-processes.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** One project on Kafka and a Redis, whose tiles processes make of the log. */
class Site {
  readonly sent = new SentClicks();
  readonly faults: unknown[] = [];
  readonly server: OwnServer;
  readonly #namespace = `events-${randomUUID().slice(0, 8)}`;
  readonly #directory = folder();

  constructor(server: OwnServer) {
    this.server = server;
    ending.push(() => server.end());
  }

  environment(writers: 'one' | 'many'): EnvironmentOptions {
    return {
      directory: this.#directory,
      namespace: this.#namespace,
      partitions: 4,
      sampleRate: 0,
      log: { kind: 'kafka', brokers: [...addressOf('KAFKA_BROKERS')] },
      // A busy machine is no fault.
      online: { kind: 'redis', url: this.server.url, writers, timeout: '30s' },
    };
  }

  async open(writers: 'one' | 'many' = 'many', directory = this.#directory): Promise<Headrace> {
    const environment = { ...this.environment(writers), directory };
    return this.#openOf(environment);
  }

  writers(): WriterProcesses {
    const writers = new WriterProcesses(this.environment('many'));
    ending.push(() => writers.kill());
    return writers;
  }

  async reader(): Promise<Awaited<ReturnType<typeof openReader>>> {
    const reader = await openReader({ project: changedProject, environment: this.environment('many') });
    ending.push(() => reader.close());
    return reader;
  }

  /** Waits until a process answers as a scan of all that was sent. */
  async whole(headrace: Pick<Headrace, 'read'>): Promise<void> {
    await this.sent.whole(headrace);
    await this.sent.wholeOfBoth(headrace);
  }

  /** Every vector is that of one process that makes the tiles of the same log alone, in a directory. */
  async likeOne(headrace: Headrace): Promise<void> {
    const alone = await this.#openOf({
      ...this.environment('many'),
      directory: folder(),
      online: { kind: 'embedded' },
    });
    await until(async () => {
      const q = Date.now();
      expect(await vectorsOf(headrace, q)).toEqual(await vectorsOf(alone, q));
      return true;
    });
    await alone.close();
  }

  async #openOf(environment: EnvironmentOptions): Promise<Headrace> {
    const onFault = (error: unknown) => this.faults.push(error);
    const headrace = await openHeadrace({ project: changedProject, environment, onFault });
    ending.push(() => headrace.close().catch(() => undefined));
    return headrace;
  }
}

function folder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'event-writers-'));
  ending.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function vectorsOf(headrace: Headrace, q: number): Promise<readonly unknown[]> {
  const pairs = USERS.flatMap((user) => PAGES.map((page) => ({ user, page })));
  return Promise.all(
    pairs.map(async (pair) => {
      const [one, other] = [await headrace.read(service, pair, q), await headrace.read(both, pair, q)];
      return [one.values, other.values];
    }),
  );
}

test('kill -9 of a process that makes tiles, at any moment, changes no answer, and another has its partitions', async () => {
  const site = new Site(await OwnServer.start());
  const headrace = await site.open();
  const writers = site.writers();
  const [first, second] = [await writers.start(), await writers.start()];
  await site.sent.send(headrace, 500);
  await site.whole(headrace);
  for (let round = 0; round < 6; round += 1) {
    await site.sent.send(headrace, 400);
    if (round === 1 || round === 3) {
      const killed = round === 1 ? first : second;
      killed.kill('SIGKILL');
      await once(killed, 'close');
      if (round === 1) await writers.start();
    }
  }
  await site.whole(headrace);
  const reader = await site.reader();
  await site.whole(reader);
  await site.likeOne(headrace);
  expect(site.faults).toEqual([]);
  await headrace.tick();
  const tiles = headrace.status().lag.filter((lag) => lag.reader === 'tiles');
  expect(tiles.map(({ topic, behind }) => [topic, behind.length])).toEqual([['clicks@1', 4]]);
});

test('a process that sleeps over its lease writes nothing with it, and a Redis that loses everything is filled again', async () => {
  const site = new Site(await OwnServer.start());
  const headrace = await site.open();
  const writers = site.writers();
  const [sleeper] = [await writers.start(), await writers.start()];
  await site.sent.send(headrace, 300);
  await site.whole(headrace);
  sleeper.kill('SIGSTOP');
  await site.sent.send(headrace, 300);
  // The other has all partitions by then.
  await site.whole(headrace);
  sleeper.kill('SIGCONT');
  await site.sent.send(headrace, 300);
  await site.whole(headrace);
  const client = createClient({ url: site.server.url });
  await client.connect();
  await client.flushAll();
  client.destroy();
  await site.sent.send(headrace, 300);
  await site.whole(headrace);
  await site.server.kill();
  await site.server.start();
  await site.sent.send(headrace, 100);
  await site.whole(headrace);
  await site.likeOne(headrace);
});

test('many continue from the position of one, computed tiles count no event twice, and one continues from those of many', async () => {
  const site = new Site(await OwnServer.start());
  const one = await site.open('one');
  await site.sent.send(one, 400);
  await site.whole(one);
  await one.close();

  const many = await site.open('many');
  const writers = site.writers();
  await writers.start();
  await writers.start();
  await site.whole(many);
  await site.sent.send(many, 400);
  await many.backfill(byUser);
  await site.sent.send(many, 200);
  await site.whole(many);
  await many.close();
  writers.kill();

  const again = await site.open('one');
  await site.whole(again);
  await site.sent.send(again, 200);
  await site.whole(again);
  await again.close();

  const last = await site.open('many');
  await site.writers().start();
  await site.sent.send(last, 200);
  await site.whole(last);
  await site.likeOne(last);
  expect(site.faults).toEqual([]);
});

test('a process that works on for long keeps its lease without asking for its shares', async () => {
  const server = await OwnServer.start();
  ending.push(() => server.end());
  const options = freshOptions([server.url]);
  const group = await joinShares(options, 4);
  ending.push(() => group.close());
  const client = await createClient({ url: server.url }).connect();
  ending.push(() => client.destroy());
  const ends = async () => Number(Object.values(await client.hGetAll(storeKeys(options.prefix).leases.key))[0] ?? 0);
  expect(await group.shares()).toEqual([0, 1, 2, 3]);
  const first = await ends();
  await until(async () => {
    const now = await ends();
    // A machine that stood still for the length of a lease has lost it.
    if (now === 0) await group.shares();
    return now > first;
  });
  expect(await group.shares()).toEqual([0, 1, 2, 3]);
});
