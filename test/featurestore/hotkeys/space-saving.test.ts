import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpaceSaving } from '../../../src/featurestore/hotkeys/space-saving.ts';

test('no true count is above what is reported, none is below it by more than the error, and the total bounds the error', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 400 }), (stream) => {
      const counts = new SpaceSaving(8, 1_000);
      const truth = new Map<string, number>();
      for (const each of stream) {
        // Small numbers come more often.
        const name = String(Math.floor(each / 3));
        counts.add(name, 0);
        truth.set(name, (truth.get(name) ?? 0) + 1);
      }
      for (const { name, count, error } of counts.top(0)) {
        const true_ = truth.get(name) ?? 0;
        expect(count).toBeGreaterThanOrEqual(true_);
        expect(count - error).toBeLessThanOrEqual(true_);
        expect(error).toBeLessThanOrEqual(stream.length / 8);
      }
    }),
  );
});

test('a name with more than one in capacity of the stream is counted', () => {
  const counts = new SpaceSaving(10, 1_000);
  for (let i = 0; i < 10_000; i += 1) counts.add(i % 5 === 0 ? 'hot' : `cold ${i}`, 0);
  expect(counts.top(0)[0].name).toBe('hot');
});

test('a count halves every half-life, however long the process runs', () => {
  const counts = new SpaceSaving(4, 1_000);
  for (let i = 0; i < 64; i += 1) counts.add('a', 0);
  expect(counts.top(3_000)[0].count).toBeCloseTo(8, 9);
  counts.add('a', 3_000);
  expect(counts.top(3_000)[0].count).toBeCloseTo(9, 9);
  for (let now = 3_000; now <= 200_000; now += 10) counts.add('a', now);
  // A steady rate of 100 a second: 100 / (1 − 2^(−1/100)) / 100 occurrences.
  expect(counts.top(200_000)[0].count).toBeCloseTo(1 / (1 - 2 ** -0.01), 3);
});
