import { createClient } from 'redis';
import { afterEach, describe, expect, test } from 'vitest';
import { addressOf, freshOptions } from './addresses.ts';
import { Clicks, clicks } from './clicks.ts';
import { deepIf } from './deep.ts';
import { written } from './recovers.ts';
import { until } from './until.ts';

const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const stores = [
  ['Redis', 'REDIS_URL'],
  ['Valkey', 'VALKEY_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const;

for (const [name, variable] of stores)
  describe(`a project on ${name}`, deepIf(name !== 'Redis'), () => {
    test('events are in the answers of their process at once, and of others shortly after', async () => {
      const site = new Clicks(freshOptions(addressOf(variable)));
      ending.push(() => site.end());
      await site.open();
      const reader = await site.reader();
      ending.push(() => reader.close());
      for (let round = 0; round < 10; round += 1) {
        await site.ingest(200);
        for (const user of site.users.slice(0, 5))
          expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
      }
      for (const user of site.users)
        await until(async () => {
          const told = await reader.read(user);
          expect(told).toEqual({ ...site.expected(user), degraded: false });
          return true;
        });
      expect(site.faults).toEqual([]);
    });

    test('keys that left the memory are fetched before events are added to them', async () => {
      const site = new Clicks(freshOptions(addressOf(variable)), 5_000);
      ending.push(() => site.end());
      await site.open();
      const reader = await site.reader();
      ending.push(() => reader.close());
      for (let round = 0; round < 6; round += 1) {
        await site.ingest(2_500);
        // Committed, so that the memory of keys turns over.
        await written(site, reader.read);
      }
      for (const user of site.users)
        expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
      expect(site.faults).toEqual([]);
    });

    test('a process that comes after another continues where that stopped', async () => {
      const site = new Clicks(freshOptions(addressOf(variable)));
      ending.push(() => site.end());
      for (let life = 0; life < 3; life += 1) {
        await site.open();
        await site.ingest(500);
        await site.close();
      }
      await site.open();
      for (const user of site.users)
        expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
    });
  });

test('after a flush no answer is a silently smaller sum, and all are right again', async () => {
  const site = new Clicks(freshOptions(addressOf('REDIS_URL')));
  ending.push(() => site.end());
  await site.open();
  const reader = await site.reader();
  ending.push(() => reader.close());
  await site.ingest(5_000);
  const [first] = site.users;
  await until(async () => (await reader.read(first)).n === site.expected(first).n);
  const client = await createClient({ url: site.options.urls[0] }).connect();
  await client.flushAll();
  client.destroy();
  await until(async () => {
    const told = await Promise.all(site.users.map((user) => reader.read(user)));
    const wrong = told.filter(({ n, degraded }, i) => n !== site.expected(site.users[i]).n && !degraded);
    expect(wrong).toEqual([]);
    return told.every(({ n, degraded }, i) => n === site.expected(site.users[i]).n && !degraded);
  });
  await site.ingest(500);
  for (const user of site.users) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
  expect(site.headrace.counters(clicks).admission, 'what was read again is not counted again').toEqual({
    accepted: 5_500,
    duplicate: 0,
    future: 0,
    late: 0,
  });
});
