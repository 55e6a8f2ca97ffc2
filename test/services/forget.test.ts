// @module-tag deep

import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterEach, expect, test } from 'vitest';
import { RedisLink } from '../../src/backends/redis/redis-link.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { Clicks } from './clicks.ts';
import { until } from './until.ts';

const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

test.each([
  ['Redis', 'REDIS_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)(
  'an entity is forgotten in %s while events go on, and comes back neither with a restart nor after a loss',
  async (_, variable) => {
    const site = new Clicks(freshOptions(addressOf(variable)));
    ending.push(() => site.end());
    await site.open();
    await site.ingest(2_000);
    const [forgotten, ...others] = site.users;
    await until(async () => (await keysOf(site, forgotten)).length > 0);
    let going = true;
    const goesOn = (async () => {
      for (; going; await sleep(1)) await site.ingest(10, others);
    })();
    const report = await site.headrace.forget('user', { user: forgotten });
    going = false;
    await goesOn;
    const online = report.stores.filter(({ store }) => store === 'online');
    expect(online.map(({ before, after }) => [before > 0, after])).toEqual([[true, 0]]);
    expect(await keysOf(site, forgotten)).toEqual([]);
    const gone = { n: 0, ms: null, degraded: false };
    const check = async () => {
      expect(await site.writer(forgotten)).toEqual(gone);
      for (const user of others) expect(await site.writer(user)).toEqual({ ...site.expected(user), degraded: false });
    };
    await check();
    await site.close();
    await site.open();
    await check();
    for (const url of site.options.urls) {
      const client = await createClient({ url }).connect();
      await client.flushAll().catch(() => undefined);
      client.destroy();
    }
    await until(async () => {
      const told = await Promise.all(others.map((user) => site.writer(user)));
      return told.every(({ n, degraded }, i) => n === site.expected(others[i]).n && !degraded);
    });
    await check();
    expect(await keysOf(site, forgotten)).toEqual([]);
    await site.ingest(1, [forgotten]);
    expect(await site.writer(forgotten), 'what comes later is new').toMatchObject({ n: 1 });
    expect(site.faults.filter((fault) => !String(fault).includes('lost writes'))).toEqual([]);
  },
);

/** Keys of the site that name a user. */
async function keysOf(site: Clicks, user: string): Promise<readonly string[]> {
  const link = await RedisLink.open(site.options);
  const found: string[] = [];
  for await (const keys of link.scan(`${site.options.prefix}:*`))
    found.push(...keys.filter((key) => key.includes(`{=${user}}`)));
  link.close();
  return found;
}
