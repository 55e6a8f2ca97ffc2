import { expect, test } from 'vitest';
import { FrequentKeys } from '../../src/base/frequent-keys.ts';
import { seededRandom } from '../../src/base/rng.ts';

const HELD = 10_000;
const READS = 400_000;

/** Reads of keys that were found frequent. */
function frequentOf(draw: () => number, held: number, reads = READS): number {
  const keys = new FrequentKeys();
  let frequent = 0;
  for (let i = 0; i < reads; i += 1) if (keys.isFrequent(0, `u${draw()}`, held)) frequent += 1;
  return frequent;
}

test('while there is room, every key is worth memory from its second read on', () => {
  let next = 0;
  const twice = () => Math.floor(next++ / 2);
  expect(frequentOf(twice, 0, 2_000)).toBeGreaterThanOrEqual(1_000);
});

test('of a full memory, keys drawn evenly from many times more do not drive one another out', () => {
  const random = seededRandom(3);
  expect(frequentOf(() => Math.floor(random() * 100 * HELD), HELD) / READS).toBeLessThan(0.05);
});

test('a key that is read often is worth memory among many that are not', () => {
  const random = seededRandom(4);
  const often = frequentOf(
    () => (random() < 0.5 ? Math.floor(random() * 100) : Math.floor(random() * 100 * HELD)),
    HELD,
  );
  expect(often / READS).toBeGreaterThan(0.45);
});
