// @module-tag deep

import { createClient } from 'redis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hotTilesDefaults } from '../../src/featurestore/hotkeys/hot-tiles.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { Clicks, type SiteReader } from './clicks.ts';
import { written } from './recovers.ts';

const KEYS = 2_000;

let site: Clicks;
let readers: SiteReader[] = [];

/** Reads that come in a second of the readers' clock, which goes by the reads: a slow machine has as many. */
const READS_PER_SECOND = 5_000;

let reads = 0;
/** Later than any event. */
const BEGIN = Date.now() + 600_000;
const clock = () => BEGIN + Math.floor((reads * 1_000) / READS_PER_SECOND);

beforeAll(async () => {
  site = new Clicks(freshOptions(addressOf('REDIS_CLUSTER_NODES')), KEYS);
  await site.open(10_000);
  // As two processes.
  readers = [await site.reader(hotTilesDefaults, clock), await site.reader(hotTilesDefaults, clock)];
  await site.ingest(2 * KEYS);
  await written(site, readers[0].read);
});

afterAll(async () => {
  for (const reader of readers) await reader.close();
  await site.end();
});

/** Commands that each primary has processed, by its address. */
async function commandsByNode(): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const url of addressOf('REDIS_CLUSTER_NODES')) {
    const client = await createClient({ url }).connect();
    const info = String(await client.sendCommand(['INFO']));
    client.destroy();
    if (info.includes('role:master')) counts.push(Number(/total_commands_processed:(\d+)/.exec(info)?.[1]));
  }
  return counts;
}

/** Reads, a share of the reads on one key, the rest evenly; gives the largest of the nodes over their mean. */
async function busiest(share: number, seconds: number): Promise<number> {
  const before = await commandsByNode();
  await readFor(share, seconds);
  const after = await commandsByNode();
  const done = after.map((count, i) => count - before[i]);
  return Math.max(...done) / (done.reduce((sum, count) => sum + count, 0) / done.length);
}

/** Reads for this many seconds of the readers' clock; they share their hot keys once a second. */
async function readFor(share: number, seconds: number): Promise<void> {
  const end = reads + seconds * READS_PER_SECOND;
  const read = async (reader: SiteReader) => {
    while (reads < end) {
      reads += 1;
      if (reads % READS_PER_SECOND === 0) for (const each of readers) await each.share();
      const user = (reads * 7_919) % 1_000 < share * 1_000 ? site.users[1] : site.users[(reads * 104_729) % KEYS];
      const told = await reader.read(user);
      if (told.n !== site.expected(user).n) throw new Error(`${user}: ${String(told.n)}`);
    }
  };
  await Promise.all(readers.flatMap((reader) => Array.from({ length: 8 }, () => read(reader))));
}

test.each([0.1, 0.5])('with a share of %d of the reads on one key no node gets 1.3 times the mean', async (share) => {
  // Found within two rounds of sharing.
  await readFor(share, 3);
  const ratio = await busiest(share, 3);
  console.log(`share ${share}: the busiest node got ${ratio.toFixed(2)} of the mean`);
  expect(ratio).toBeLessThanOrEqual(1.3);
});

test('the measure can fail: with no key ever hot one node gets more', async () => {
  const kept = readers;
  readers = [await site.reader({ ...hotTilesDefaults, readsPerSecond: Number.POSITIVE_INFINITY, keptMs: 0 }, clock)];
  const ratio = await busiest(0.5, 2);
  console.log(`no key hot: the busiest node got ${ratio.toFixed(2)} of the mean`);
  expect(ratio).toBeGreaterThan(1.3);
  for (const reader of readers) await reader.close();
  readers = kept;
});

test('a write of a hot key is seen within the age that is allowed, which is in the age of the answer', async () => {
  const user = site.users[1];
  await readFor(0.5, 3);
  const before = site.expected(user).n;
  await site.ingest(KEYS);
  expect(site.expected(user).n).toBeGreaterThan(before);
  const cold = await site.reader();
  await written(site, cold.read);
  await cold.close();
  reads += (hotTilesDefaults.maxAgeMs * READS_PER_SECOND) / 1_000;
  expect((await readers[0].read(user)).n).toBe(site.expected(user).n);
});
