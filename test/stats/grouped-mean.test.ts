import fc from 'fast-check';
import { expect, test } from 'vitest';
import { effectiveSize, varianceOfMean } from '../../src/stats/grouped-mean.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../../src/stats/moments.ts';

const anyGroups = fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 9 }), { maxLength: 12 });

function momentsOf(values: readonly number[]): Moments {
  return values.reduce(withValue, NO_MOMENTS);
}

function sumsOf(groups: readonly (readonly number[])[]): readonly number[] {
  return groups.flatMap((group) => [group.length, group.reduce((sum, value) => sum + value, 0)]);
}

test('the variance is that of the means without one group each, or of independent values, whichever is more', () => {
  fc.assert(
    fc.property(anyGroups, (groups) => {
      const values = groups.flat();
      const sample = momentsOf(values);
      const found = varianceOfMean(sample, sumsOf(groups));
      const filled = groups.filter((group) => group.length > 0);
      if (filled.length < 2) {
        expect(found).toBe(filled.length === 0 ? 0 : Number.POSITIVE_INFINITY);
        return;
      }
      const without = filled.map((group) => momentsOf(filled.filter((other) => other !== group).flat()).mean);
      const around = without.reduce((sum, mean) => sum + (mean - sample.mean) ** 2, 0);
      const jackknife = (around * (filled.length - 1)) / filled.length;
      expect(found).toBeCloseTo(Math.max(jackknife, varianceOf(sample) / sample.n), 8);
    }),
  );
});

test('a group that has nearly all values leaves nearly nothing else to go by', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10_000 }), (most) => {
      const groups = [Array.from({ length: most }, () => 1), [0], [0]];
      const sample = momentsOf(groups.flat());
      expect(effectiveSize(sample, varianceOfMean(sample, sumsOf(groups)))).toBeLessThanOrEqual(3);
    }),
  );
});

test('values without groups are independent', () => {
  const sample = momentsOf([1, 2, 3, 4]);
  expect(varianceOfMean(sample, [])).toBe(varianceOf(sample) / 4);
  expect(effectiveSize(sample, varianceOfMean(sample, []))).toBe(4);
});
