import { expect, test } from 'vitest';
import { HotKeys } from '../../../src/featurestore/hotkeys/hot-keys.ts';
import { NearCache } from '../../../src/featurestore/hotkeys/near-cache.ts';

const options = { readsPerSecond: 100, counted: 16, keptMs: 5_000, most: 4 };

test('a key read above the threshold is hot, one below it is not, and one that cools is not any more', () => {
  const keys = new HotKeys(options);
  for (let now = 0; now < 5_000; now += 5) {
    keys.read('hot', now);
    if (now % 40 === 0) keys.read('warm', now);
    if (now % 1_000 === 0) keys.find(now);
  }
  expect(keys.read('hot', 5_000)).toBe(true);
  expect(keys.read('warm', 5_000)).toBe(false);
  expect(keys.find(14_000)).toEqual([]);
  expect(keys.read('hot', 14_000)).toBe(false);
});

test('what others tell is hot too, for its time, and not more keys than are allowed', () => {
  const keys = new HotKeys(options);
  keys.take(['a', 'b', 'c', 'd', 'e'], 0);
  expect(['a', 'b', 'c', 'd', 'e'].map((name) => keys.read(name, 1))).toEqual([false, true, true, true, true]);
  expect(keys.read('e', 5_000)).toBe(false);
});

test('a value is given until it is as old as allowed, counted from when its read was sent', async () => {
  const near = new NearCache<number>(250, 10);
  let loads = 0;
  const load = async () => {
    loads += 1;
    return loads;
  };
  expect(await near.load('a', 1_000, load, () => true)).toBe(1);
  expect(near.get('a', 1_250)).toBe(1);
  expect(near.get('a', 1_251)).toBeUndefined();
  expect(near.get('a', 1_100, 999)).toBeUndefined();
  expect(near.get('b', 1_100)).toBeUndefined();
});

test('of many who ask at once one loads; a failure is asked to all of them and not kept', async () => {
  const near = new NearCache<number>(250, 10);
  let loads = 0;
  const load = async () => {
    loads += 1;
    await Promise.resolve();
    if (loads === 1) throw new Error('away');
    return loads;
  };
  const first = await Promise.allSettled(Array.from({ length: 20 }, () => near.load('a', 0, load, () => true)));
  expect(first.every(({ status }) => status === 'rejected')).toBe(true);
  expect(loads).toBe(1);
  const second = await Promise.all(Array.from({ length: 20 }, () => near.load('a', 0, load, () => true)));
  expect(new Set(second)).toEqual(new Set([2]));
});

test('what may not be kept is not, and the oldest leave where there are too many', async () => {
  const near = new NearCache<number>(250, 2);
  await near.load(
    'a',
    0,
    async () => 1,
    () => false,
  );
  expect(near.get('a', 0)).toBeUndefined();
  for (const name of ['b', 'c', 'd'])
    await near.load(
      name,
      0,
      async () => 2,
      () => true,
    );
  expect(['b', 'c', 'd'].map((name) => near.get(name, 0))).toEqual([undefined, 2, 2]);
});
