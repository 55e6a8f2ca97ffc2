import { readFileSync } from 'node:fs';
import { createClient } from 'redis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openRedisStore } from '../../src/backends/redis/online-store.ts';
import type { RedisOptions } from '../../src/backends/redis/redis-options.ts';
import { storeKeys } from '../../src/backends/redis/store-keys.ts';
import { MAX_TS, START, tileLayout } from '../../src/features/tile/tile-layout.ts';
import type { RemoteStore } from '../../src/ports/remote-store.ts';
import { addressOf, freshOptions } from './addresses.ts';
import { Clicks } from './clicks.ts';
import { numericView, tilesOf } from './numeric-tiles.ts';
import { until } from './until.ts';

const MINUTE = 60_000;
const text = { type: 'text', nullable: false } as const;
const layout = tileLayout({
  ...numericView(2, [60]),
  entity: { kind: 'entity', name: 'taste', key: { user: text, category: text } },
});

/** The keys that the layout before had in a Redis; bytes as Latin-1. */
interface Former {
  readonly keys: readonly { readonly name: string; readonly hash?: readonly string[]; readonly text?: string }[];
}

const former = JSON.parse(readFileSync(new URL('../fixtures/redis-layout-1.json', import.meta.url), 'utf8')) as Former;

async function clientOf({ urls }: RedisOptions) {
  const client = await createClient({ url: urls[0] }).connect();
  onTestFinished(() => client.destroy());
  return client;
}

async function keysOf(options: RedisOptions): Promise<readonly string[]> {
  const client = await clientOf(options);
  const found: string[] = [];
  for await (const some of client.scanIterator({ MATCH: `${options.prefix}:*`, COUNT: 1_000 })) found.push(...some);
  return found;
}

test('a store of the layout before is written again from the log, and no answer until then is a whole one', async () => {
  const site = new Clicks(freshOptions(addressOf('REDIS_URL')));
  onTestFinished(() => site.end());
  await site.open();
  await site.ingest(500);
  await site.close();
  const client = await clientOf(site.options);
  const { prefix } = site.options;
  for (const key of await keysOf(site.options)) if (!key.endsWith(':owner')) await client.del(key);
  for (const { name, hash, text: value } of former.keys) {
    const args = hash === undefined ? ['SET', prefix + name, value ?? ''] : ['HSET', prefix + name, ...hash];
    await client.sendCommand(args.map((each) => Buffer.from(each, 'latin1')));
  }
  const reader = await site.reader();
  onTestFinished(() => reader.close());
  const user = site.users[0];
  expect((await reader.read(user)).degraded, 'before a process writes').toBe(true);
  await site.open();
  await until(async () => {
    const seen = await reader.read(user);
    if (!seen.degraded) expect(seen).toEqual({ ...site.expected(user), degraded: false });
    return !seen.degraded;
  });
  for (const each of site.users) expect(await site.writer(each)).toEqual({ ...site.expected(each), degraded: false });
  await until(async () => (await keysOf(site.options)).every((key) => !/^[^:]*:[twba]:/.test(key)));
  expect(site.faults).toEqual([]);
});

describe.each([
  ['Redis', 'REDIS_URL'],
  ['a cluster', 'REDIS_CLUSTER_NODES'],
] as const)('records in %s', (_, variable) => {
  const nestedOptions = () => freshOptions(addressOf(variable), { nested: ['taste'] });
  const everything = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  const write = (key: string, count: number) => {
    const [{ run }] = tilesOf(layout, MINUTE, key, count);
    return tilesOf(layout, MINUTE, key, count).map((tile) => ({ ...tile, run, all: [run] }));
  };
  const remoteOf = ({ remote }: { readonly remote?: RemoteStore }) => {
    if (remote === undefined) throw new TypeError('a store in a Redis is behind a network');
    return remote;
  };

  test('of any size and number the tiles of the keys of one record are those that were written, and all of it expires', async () => {
    const options = nestedOptions();
    const store = await openRedisStore(options);
    onTestFinished(() => store.close());
    const counts = [1, 200, 3, 64, ...Array.from({ length: 40 }, () => 30), 200];
    const keyOf = (i: number) => `1:u${i % 41}`;
    for (const [i, count] of counts.entries()) {
      const tiles = write(keyOf(i), count);
      const now = tiles[0].run.nums[(count - 1) * layout.numbers + MAX_TS] + 1;
      await store.writeTiles({ writer: 'w', position: { t: [i] }, tiles, freshUntil: now });
    }
    const written = Array.from({ length: 41 }, (_, i) => Math.max(...counts.filter((__, c) => c % 41 === i)));
    const read = async () => {
      const reads = written.map((__, i) => ({ layout, hopMs: MINUTE, key: keyOf(i), ...everything }));
      return (await store.readTiles(reads)).map(({ length, nums }) => [...nums.subarray(0, length * layout.numbers)]);
    };
    const expected = (from: number) =>
      written.map((count, i) => {
        const [{ run }] = write(keyOf(i), count);
        const tiles = Array.from({ length: count }, (__, t) => [
          ...run.nums.subarray(t * layout.numbers, (t + 1) * layout.numbers),
        ]);
        return tiles.filter((tile) => tile[START] >= from).flat();
      });
    expect(await read()).toEqual(expected(Number.NEGATIVE_INFINITY));
    const loaded = await remoteOf(store).load('w', [{ layout, key: keyOf(1) }]);
    expect(loaded.map(({ runs, covers }) => [runs[0].length, covers])).toEqual([[200, null]]);
    const [record, more] = storeKeys(options.prefix).record('u');
    if (variable === 'REDIS_URL') {
      const client = await clientOf(options);
      expect(await client.strLen(record.key), 'the record stays short').toBeLessThan(20_000);
      expect(await client.hLen(more.key)).toBeGreaterThan(1);
      for (const key of [record.key, more.key]) expect(await client.pTTL(key)).toBeGreaterThan(0);
    }
    const [{ run }] = write(keyOf(1), 200);
    const from = run.nums[190 * layout.numbers + START];
    await store.dropTiles([{ layout, horizons: [{ hopMs: MINUTE, endedBefore: from }] }]);
    expect(await read()).toEqual(expected(from - MINUTE + 1));
    await store.dropView(layout.viewId);
    expect((await read()).flat()).toEqual([]);
    if (variable === 'REDIS_URL') expect((await keysOf(options)).filter((key) => /:[eo]:/.test(key))).toEqual([]);
  });

  test('a row keeps its record for good, and a record without rows expires again', async () => {
    const options = freshOptions(addressOf(variable));
    const store = await openRedisStore(options);
    onTestFinished(() => store.close());
    const columns = { n: { type: 'int', nullable: true } } as const;
    const generation = (turn: number) => ({ viewId: 'loyal@1', generation: turn, asOf: turn, visibleFrom: turn });
    const place = async (turn: number, keys: readonly string[]) => {
      await store.writeBatch(
        generation(turn),
        columns,
        keys.map((key) => ({ key, values: [turn] })),
      );
      await store.switchBatch(generation(turn));
    };
    const rows = async () =>
      (await store.readBatch(['u', 'v'].map((key) => ({ viewId: 'loyal@1', features: columns, key })))).map(
        (answer) => answer?.values ?? null,
      );
    await store.writeTiles({ writer: 'w', position: {}, tiles: write('u', 2) });
    await place(1, ['u', 'v']);
    await place(2, ['u']);
    await store.writeTiles({ writer: 'w', position: {}, tiles: write('u', 4) });
    expect(await rows()).toEqual([[2], null]);
    const [{ key }] = storeKeys(options.prefix).record('u');
    const lives = async () => (variable === 'REDIS_URL' ? (await clientOf(options)).pTTL(key) : -1);
    expect(await lives()).toBe(-1);
    await place(3, []);
    await place(4, []);
    expect(await rows()).toEqual([null, null]);
    if (variable === 'REDIS_URL') expect(await lives()).toBeGreaterThan(0);
    const [{ length }] = await store.readTiles([{ layout, hopMs: MINUTE, key: 'u', ...everything }]);
    expect(length).toBe(4);
  });

  test('processes that nest entities differently give no whole answer, and a writer that does starts over', async () => {
    const options = nestedOptions();
    const first = await openRedisStore(options);
    await first.writeTiles({ writer: 'w', position: { t: [1] }, tiles: write('1:uk', 3) });
    await remoteOf(first).confirm();
    const other = { ...options, nested: [] };
    const seen = async (each: RedisOptions) => {
      const reader = await openRedisStore(each, 'read');
      const tiles = [{ layout, hopMs: MINUTE, key: '1:uk', ...everything }];
      const { runs, degraded } = await remoteOf(reader).read({ tiles, windows: [], batch: [] });
      await reader.close();
      return [runs[0].length, degraded];
    };
    expect([await seen(options), await seen(other)]).toEqual([
      [3, false],
      [0, true],
    ]);
    await first.close();
    const second = await openRedisStore(other);
    expect([await second.position('w'), await seen(options)]).toEqual([null, [0, true]]);
    await second.writeTiles({ writer: 'w', position: { t: [1] }, tiles: write('1:uk', 3) });
    await remoteOf(second).confirm();
    expect(await seen(other)).toEqual([3, false]);
    await second.close();
  });
});
