import { describe, expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { fitPowerLaw } from '../../src/stats/power-law.ts';

const sizes = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000];

describe('a power law with a floor', () => {
  test('is found from exact values, and extrapolates them', () => {
    const values = sizes.map((size) => ({ size, value: 0.4 + 12 * size ** -0.35 }));
    const found = fitPowerLaw(values);
    if (!found.fits) throw new Error(found.reason);
    expect(found.law.exponent).toBeCloseTo(0.35, 3);
    expect(found.law.floor).toBeCloseTo(0.4, 3);
    expect(found.at(1_000_000).p50).toBeCloseTo(0.4 + 12 * 1_000_000 ** -0.35, 4);
  });

  test('has a band that holds the truth in about eight of ten noisy cases, and widens with the distance', () => {
    const random = seededRandom(3);
    let inside = 0;
    for (let trial = 0; trial < 200; trial++) {
      const noise = () => 0.002 * randomNormal(random);
      const found = fitPowerLaw(sizes.map((size) => ({ size, value: 0.4 + 12 * size ** -0.35 + noise() })));
      if (!found.fits) throw new Error(found.reason);
      const near = found.at(64_000);
      const far = found.at(10_000_000);
      expect(near.p10).toBeLessThanOrEqual(near.p90);
      expect(far.p90 - far.p10).toBeGreaterThan(near.p90 - near.p10);
      const truth = 0.4 + 12 * 64_000 ** -0.35;
      if (near.p10 <= truth && truth <= near.p90) inside += 1;
    }
    expect(inside).toBeGreaterThan(140);
    expect(inside).toBeLessThan(180);
  });

  test.each([
    ['a plateau that ends in a jump', (size: number) => (size < 20_000 ? 1 - size / 1e6 : 0.2), 'predicts'],
    ['values that rise', (size: number) => size, 'do not fall'],
    ['one value', () => 1, 'the same value'],
    ['a loss that is not finite', (size: number) => (size === 4_000 ? Number.NaN : 1 / size), 'not a number'],
  ])('does not fit %s', (_, valueAt, reason) => {
    const found = fitPowerLaw(sizes.map((size) => ({ size, value: valueAt(size) })));
    expect(found).toMatchObject({ fits: false, reason: expect.stringContaining(reason) });
  });

  test('needs four sizes', () => {
    const values = sizes.slice(0, 3).map((size) => ({ size, value: 1 / size }));
    expect(fitPowerLaw([...values, ...values])).toMatchObject({
      fits: false,
      reason: expect.stringContaining('too few'),
    });
  });
});
