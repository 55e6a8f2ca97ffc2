import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { sideOfValues } from '../../src/monitoring/detect/column-side.ts';
import { qualityFaults } from '../../src/monitoring/detect/quality-fault.ts';

const sample = (seed: number, rows: number, value: (normal: number) => number) => {
  const random = seededRandom(seed);
  return Float64Array.from({ length: rows }, () => value(randomNormal(random)));
};

const unitOf = (reference: Float64Array, current: Float64Array) =>
  qualityFaults('delay', sideOfValues(reference), sideOfValues(current), true).find(({ kind }) => kind === 'unit');

/** A day whose mean and spread are not those of the reference. */
const day = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  mean: fc.double({ min: -0.5, max: 0.8, noNaN: true }),
  spread: fc.double({ min: 0.65, max: 1.6, noNaN: true }),
});

test('values around 0 that turn to seconds are a fault on any day, and minutes are none', () => {
  fc.assert(
    fc.property(day, ({ seed, mean, spread }) => {
      const reference = sample(seed, 5000, (z) => 4 + 9 * z);
      const minutes = sample(seed + 1, 700, (z) => 4 + 9 * (mean + spread * z));
      const seconds = minutes.map((value) => 60 * value);
      expect(unitOf(reference, minutes)).toBeUndefined();
      expect(unitOf(reference, seconds)?.text).toMatch(/^all values multiplied by about \d+ \(.*minutes and seconds/);
    }),
    { numRuns: 50 },
  );
});

test.each([1.609344, 2.54, 60, 1000, 1 / 60, 1 / 1000])('positive values times %s are a fault', (factor) => {
  const reference = sample(1, 5000, (z) => Math.exp(2 + 0.8 * z));
  const current = sample(2, 5000, (z) => factor * Math.exp(2 + 0.8 * z));
  expect(unitOf(reference, current)).toBeDefined();
});

test('a share that is often 0 and grows by 1.6 is no other unit', () => {
  const share = (factor: number) => (z: number) => Math.min(1, Math.max(0, z > 0 ? factor * 0.1 * z : 0));
  expect(unitOf(sample(3, 5000, share(1)), sample(4, 5000, share(1.609344)))).toBeUndefined();
});
