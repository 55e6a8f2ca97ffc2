import { expect, test } from 'vitest';
import { openHeapPart } from '../../src/observe/heap-part.ts';

const MOST = 100;

/** A part over a heap of any size, and whether it collects early. */
function heapOf(size: { bytes: number }) {
  const part = openHeapPart(MOST, () => size.bytes);
  return { part, isTight: () => (part.status(0) as { heap: { isTight: boolean } }).heap.isTight };
}

test('a heap beyond its bound is collected early, until it is well below', async () => {
  const size = { bytes: 100 };
  const { part, isTight } = heapOf(size);
  const seen: boolean[] = [];
  for (const bytes of [100, 101, 99, 80, 79, 100, 101]) {
    size.bytes = bytes;
    await part.tick(0);
    seen.push(isTight());
  }
  expect(seen).toEqual([false, true, true, true, false, false, true]);
  await part.close();
  expect(isTight()).toBe(false);
});

test('projects of one process keep their own state', async () => {
  const [small, large] = [heapOf({ bytes: 1 }), heapOf({ bytes: 1_000 })];
  for (const { part } of [small, large]) await part.tick(0);
  expect([small.isTight(), large.isTight()]).toEqual([false, true]);
  await small.part.close();
  expect(large.isTight()).toBe(true);
  await large.part.close();
  expect(large.isTight()).toBe(false);
});
