import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomNormal, seededRandom } from '../../src/base/rng.ts';
import { andersonDarlingTest } from '../../src/stats/anderson-darling-test.ts';
import { chiSquareTest } from '../../src/stats/chi-square-test.ts';
import { cramerVonMisesTest } from '../../src/stats/cramer-von-mises-test.ts';
import { cramersV } from '../../src/stats/cramers-v.ts';
import { domainClassifier } from '../../src/stats/domain-classifier.ts';
import { energyDistance } from '../../src/stats/energy-distance.ts';
import { eppsSingletonTest } from '../../src/stats/epps-singleton-test.ts';
import { expectedCalibrationError } from '../../src/stats/expected-calibration-error.ts';
import { fisherExactTest } from '../../src/stats/fisher-exact-test.ts';
import { gTest } from '../../src/stats/g-test.ts';
import { hellingerDistance } from '../../src/stats/hellinger-distance.ts';
import { fitIsotonic, isotonicAt } from '../../src/stats/isotonic-regression.ts';
import { jensenShannonDistance } from '../../src/stats/jensen-shannon-distance.ts';
import { kolmogorovSmirnovTest } from '../../src/stats/kolmogorov-smirnov-test.ts';
import { kullbackLeiblerDivergence } from '../../src/stats/kullback-leibler-divergence.ts';
import { mannWhitneyTest } from '../../src/stats/mann-whitney-test.ts';
import { maximumMeanDiscrepancy } from '../../src/stats/maximum-mean-discrepancy.ts';
import { adjustedP } from '../../src/stats/multiple-testing.ts';
import { populationStabilityIndex } from '../../src/stats/population-stability-index.ts';
import { tTest } from '../../src/stats/t-test.ts';
import { totalVariationDistance } from '../../src/stats/total-variation-distance.ts';
import { twoProportionZTest } from '../../src/stats/two-proportion-z-test.ts';
import { wassersteinDistance } from '../../src/stats/wasserstein-distance.ts';

const edge = fc.constantFrom(
  0,
  -0,
  1,
  1,
  2,
  5e-324,
  -1e308,
  1e308,
  Number.MAX_VALUE,
  Infinity,
  -Infinity,
  Number.NaN,
  0.1,
);
const sample = fc.oneof(
  fc.array(edge, { maxLength: 30 }),
  fc.array(fc.constantFrom(1, 2, 3), { maxLength: 40 }),
  fc.array(fc.double(), { maxLength: 30 }),
);
const count = fc.constantFrom(0, 0, 1, 2, 5, 1000, 1e6);

/** Every number in an answer, at any depth. */
function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersOf) : [];
}

test('constants, ties, infinities, NaN, huge and no values give an answer or null, never NaN', () => {
  fc.assert(
    fc.property(sample, sample, (x, y) => {
      const answers = [
        kolmogorovSmirnovTest(x, y),
        kolmogorovSmirnovTest(x, y, 'less', 'asymptotic'),
        mannWhitneyTest(x, y),
        mannWhitneyTest(x, y, { method: 'exact', alternative: 'greater' }),
        andersonDarlingTest([x, y]),
        cramerVonMisesTest(x, y),
        cramerVonMisesTest(x, y, 'asymptotic'),
        eppsSingletonTest(x, y),
        tTest(x, y),
        tTest(x, y, { pooled: false }),
        wassersteinDistance(x, y),
        energyDistance(x, y),
        maximumMeanDiscrepancy(
          x.map((one) => [one]),
          y.map((one) => [one]),
          { seed: 1, permutations: 3, features: 8 },
        ),
        expectedCalibrationError(
          x,
          x.map(() => 1),
        ),
        adjustedP(x, 'holm'),
        adjustedP(x, 'benjamini-hochberg'),
      ];
      expect(numbersOf(answers).filter(Number.isNaN)).toEqual([]);
      for (const answer of answers)
        if (answer !== null && typeof answer === 'object' && 'p' in answer && typeof answer.p === 'number') {
          expect(answer.p).toBeGreaterThanOrEqual(0);
          expect(answer.p).toBeLessThanOrEqual(1);
        }
    }),
  );
});

test('empty, one-category and huge tables give an answer or null, never NaN', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(count, count), { maxLength: 6 }), (pairs) => {
      const a = pairs.map(([first]) => first);
      const b = pairs.map(([, second]) => second);
      const answers = [
        chiSquareTest(a, b),
        chiSquareTest(a, b, { yates: true }),
        gTest(a, b),
        cramersV(a, b),
        hellingerDistance(a, b),
        jensenShannonDistance(a, b),
        kullbackLeiblerDivergence(a, b),
        totalVariationDistance(a, b),
        populationStabilityIndex(a, b),
        fisherExactTest(
          [a[0] ?? 0, b[0] ?? 0],
          [a[1] ?? 0, b[1] ?? 0].map((n) => Math.min(n, 1000)) as [number, number],
        ),
        twoProportionZTest({ hits: Math.min(a[0] ?? 0, 5), rows: 5 }, { hits: 0, rows: b[0] ?? 0 }),
      ];
      expect(numbersOf(answers).filter(Number.isNaN)).toEqual([]);
    }),
  );
});

test('isotonic regression never falls and keeps the mean', () => {
  const points = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(points, (rows) => {
      const x = rows.map(([at]) => at);
      const y = rows.map(([, label]) => label);
      const fitted = fitIsotonic(x, y);
      expect(fitted).not.toBeNull();
      if (fitted === null) return;
      const sorted = [...x].sort((a, b) => a - b).map((at) => isotonicAt(fitted, at));
      expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean(x.map((at) => isotonicAt(fitted, at)))).toBeCloseTo(mean(y), 10);
    }),
  );
});

test('MMD and the domain classifier see a moved set, and hold their level without one', () => {
  const random = seededRandom(11);
  const cloud = (rows: number, shift: number) =>
    Array.from({ length: rows }, () =>
      Array.from({ length: 8 }, (_, i) => randomNormal(random) + (i === 3 ? shift : 0)),
    );
  const bin = (value: number) => Math.max(0, Math.min(15, Math.floor((value + 4) * 2)));
  const classify = (x: number[][], y: number[][]) =>
    domainClassifier(
      {
        columns: x[0].map((_, i) => Uint8Array.from([...x, ...y], (row) => bin(row[i]))),
        ordered: x[0].map(() => true),
        domain: Uint8Array.from([...x.map(() => 0), ...y.map(() => 1)]),
      },
      5,
    );
  const moved = maximumMeanDiscrepancy(cloud(300, 0), cloud(300, 1), { seed: 2, permutations: 99 });
  expect(moved?.p).toBe(0.01);
  const found = classify(cloud(500, 0), cloud(500, 1));
  expect(found?.auc).toBeGreaterThan(0.65);
  expect(found?.shares[3]).toBeGreaterThan(0.6);
  let alarms = 0;
  for (let run = 0; run < 40; run += 1) {
    const same = maximumMeanDiscrepancy(cloud(60, 0), cloud(60, 0), { seed: run, permutations: 39, features: 64 });
    if ((same?.p ?? 0) <= 0.05) alarms += 1;
  }
  // Binomial(40, .05): more than 7 has a chance of 1 in 1,000.
  expect(alarms).toBeLessThanOrEqual(7);
  expect(classify(cloud(500, 0), cloud(500, 0))?.auc).toBeCloseTo(0.5, 1);
});
