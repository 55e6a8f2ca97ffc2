import { expect, test } from 'vitest';
import { openHeapPart } from '../../src/observe/heap-part.ts';
import { boundYoung, unboundYoung, youngBytes } from '../../src/observe/young-heap.ts';

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

test('the space for new objects grows no further while the least bound of any owner is reached, however many objects stay', async () => {
  const [small, large] = [{}, {}];
  const before = youngBytes();
  boundYoung(large, 2 ** 26);
  boundYoung(small, before);
  const kept: object[] = [];
  for (let turn = 0; turn < 40; turn += 1) {
    for (let i = 0; i < 20_000; i += 1) kept[(turn * 20_000 + i) % 300_000] = { turn, at: [i] };
    await new Promise((resolve) => setImmediate(resolve));
    // It would double; some pages more are those of large objects.
    expect(youngBytes()).toBeLessThan(1.5 * before);
  }
  unboundYoung(small);
  unboundYoung(large);
  expect(kept).toHaveLength(300_000);
});
