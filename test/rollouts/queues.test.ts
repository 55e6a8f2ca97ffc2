import { expect, test } from 'vitest';
import { LaneTurns } from '../../src/serving/rollout/lane-turns.ts';
import { ShadowQueue } from '../../src/serving/rollout/shadow-queue.ts';

test('a shadow that is full drops the new copies, and scores those that it took in small runs', async () => {
  const runs: number[][] = [];
  const queue = new ShadowQueue<number>({
    run: async (copies) => void runs.push([...copies]),
    isBusy: () => false,
    monotonic: () => 0,
  });
  const copies = Array.from({ length: 1_500 }, (_, i) => i);
  // One run may have begun before the rest is offered.
  const dropped = queue.offer(copies.slice(0, 1_000)) + queue.offer(copies.slice(1_000));
  expect(dropped).toBeGreaterThanOrEqual(460);
  await queue.settled();
  expect(runs.flat()).toEqual(copies.slice(0, 1_500 - dropped));
  expect(Math.max(...runs.map(({ length }) => length))).toBeLessThanOrEqual(16);
});

test('a shadow waits for callers that are busy, but not for ever', async () => {
  let looks = 0;
  const runs: number[] = [];
  const queue = new ShadowQueue<number>({
    run: async (copies) => void runs.push(copies.length, looks),
    isBusy: () => {
      looks += 1;
      return true;
    },
    monotonic: () => 0,
  });
  queue.offer([1]);
  expect(runs).toEqual([]);
  await queue.settled();
  // It looked several times before it ran next to them.
  expect(runs).toEqual([1, 8]);
});

test('a shadow that is cleared forgets its copies, and takes new ones afterwards', async () => {
  const runs: number[] = [];
  const queue = new ShadowQueue<number>({
    run: async (copies) => void runs.push(...copies),
    isBusy: () => false,
    monotonic: () => 0,
  });
  queue.offer(Array.from({ length: 200 }, (_, i) => i));
  await queue.clear();
  expect(runs.length).toBeLessThan(200);
  queue.offer([1_000]);
  await queue.settled();
  expect(runs.at(-1)).toBe(1_000);
});

test('lanes take turns: the time of one has no part of the other, and calls of a turn share it', async () => {
  let now = 0;
  const turns = new LaneTurns(() => now);
  const begun: Record<string, number[]> = { canary: [], baseline: [] };
  const work = (lane: string, ms: number) =>
    turns.take(lane, async (beganAt) => {
      begun[lane].push(beganAt);
      await Promise.resolve();
      now = Math.max(now, beganAt + ms);
      return now - beganAt;
    });
  const took = await Promise.all([work('canary', 50), work('baseline', 1), work('canary', 50), work('baseline', 1)]);
  expect(took).toEqual([50, 1, 50, 1]);
  expect(begun).toEqual({ canary: [0, 0], baseline: [50, 50] });
});

test('a call that fails fails alone, and the turns continue', async () => {
  const turns = new LaneTurns(() => 0);
  const failing = turns.take('canary', async () => {
    throw new Error('no');
  });
  const sound = turns.take('canary', async () => 1);
  await expect(failing).rejects.toThrow('no');
  expect(await sound).toBe(1);
  expect(await turns.take('baseline', async () => 2)).toBe(2);
});
