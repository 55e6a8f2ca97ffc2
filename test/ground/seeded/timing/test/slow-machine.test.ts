import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';

test('a store answers', async () => {
  const elapsedMs = 5;
  expect(elapsedMs).toBeLessThan(10);
  await expect.poll(() => 1).toBe(1);
}, 5_000);

test('a store is quick', async () => {
  await setTimeout(10);
  expect(performance.now()).toBeGreaterThan(0);
});
