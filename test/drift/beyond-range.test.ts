import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beyondRange, GREAT, LEAST_SHARE } from '../../src/monitoring/detect/beyond-range.ts';
import {
  type Distribution,
  distributionGap,
  distributionOf,
  quantileOf,
} from '../../src/monitoring/detect/distribution.ts';
import { FACTOR_CHANGES, OFFSET_CHANGES, type UnitChange } from '../../src/monitoring/detect/unit-changes.ts';

const changes = [
  ...OFFSET_CHANGES.filter(({ times }) => times === 1),
  ...FACTOR_CHANGES.filter(({ times }) => times >= GREAT),
];

/** The rule of `beyondRange` over single values: every one is looked at. */
function byValues(reference: readonly number[], current: readonly number[]): readonly (readonly [string, number])[] {
  const whole = distributionOf(Float64Array.from(reference));
  const [least, greatest] = [quantileOf(whole, 0.001) ?? 0, quantileOf(whole, 0.999) ?? 0];
  if (greatest <= least) return [];
  return changes.flatMap((change) => {
    const by = (change.times === 1 ? 2 : 0.5) * (greatest - least);
    const isBeyond = (x: number) => x > greatest + by || x < least - by;
    const back = current.filter(isBeyond).map((x) => (x - change.plus) / change.times);
    if (back.length / current.length < LEAST_SHARE || back.length < 3) return [];
    if (back.filter((x) => x >= least && x <= greatest).length < 0.9 * back.length) return [];
    const others = current.filter((x) => !isBeyond(x));
    const wasBeyond = reference.filter((x) => isBeyond(change.times * x + change.plus));
    if (!isAlike(wasBeyond, back) || (others.length >= 3 && !isAlike(reference, others))) return [];
    return [[change.name, back.length / current.length] as const];
  });
}

function isAlike(a: readonly number[], b: readonly number[]): boolean {
  const [x, y]: readonly Distribution[] = [a, b].map((one) => distributionOf(Float64Array.from(one)));
  const gap = distributionGap(x, y);
  return gap !== null && gap.d <= Math.max(0.25, 1.63 * Math.sqrt(1 / x.n + 1 / y.n));
}

const value = fc.oneof(fc.double({ min: -50, max: 100, noNaN: true }), fc.integer({ min: -5, max: 5 }));
const change: fc.Arbitrary<UnitChange> = fc.constantFrom(...changes);

test('stretches of sorted values find the change and the share that a look at every value finds', () => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 3, maxLength: 80 }),
      change,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.oneof(value, fc.double({ min: -1e5, max: 1e5, noNaN: true })), { maxLength: 10 }),
      (reference, { times, plus }, share, odd) => {
        const current = [...reference.map((x, i) => (i < share * reference.length ? times * x + plus : x)), ...odd];
        const expected = byValues(reference, current);
        const known = beyondRange(
          distributionOf(Float64Array.from(reference)),
          distributionOf(Float64Array.from(current)),
        );
        if (expected.length === 0) expect(known).toBe(null);
        else expect(expected).toContainEqual([known?.change.name, known?.share]);
        if (known !== null) found += 1;
      },
    ),
    { numRuns: 500 },
  );
  expect(found).toBeGreaterThan(5);
});
