import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auc } from '../../src/stats/auc.ts';

/** Every pair of a positive and a negative, counted: the definition (Hanley and McNeil 1982, eq. 1). */
function byPairs(scores: readonly number[], labels: readonly number[]): number | null {
  let pairs = 0;
  let won = 0;
  for (let i = 0; i < scores.length; i += 1) {
    for (let j = 0; j < scores.length; j += 1) {
      if (labels[i] !== 1 || labels[j] !== 0) continue;
      pairs += 1;
      if (scores[i] > scores[j]) won += 1;
      else if (scores[i] === scores[j]) won += 0.5;
    }
  }
  return pairs === 0 ? null : won / pairs;
}

/** Few different scores, so that ties are common. */
const rows = fc.array(fc.tuple(fc.integer({ min: -4, max: 4 }), fc.integer({ min: 0, max: 1 })), {
  maxLength: 40,
  size: 'max',
});

const fraction = (value: number): number => value - Math.floor(value);

/** 1,000 scores and labels by two additive recurrences: the same in every language. */
const sequence = Array.from({ length: 1000 }, (_, i) => {
  const score = fraction((i + 1) * 0.6180339887498949);
  return { score, label: fraction((i + 1) * 0.7548776662466927) < score ? 1 : 0 };
});

test("scikit-learn's values are met: roc_auc_score 1.x, with and without ties", () => {
  expect(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
  expect(auc([0.2, 0.2, 0.2, 0.7, 0.7, 0.1, 0.9, 0.5], [0, 1, 1, 1, 0, 0, 1, 0])).toBe(0.65625);
  const labels = sequence.map(({ label }) => label);
  const scores = sequence.map(({ score }) => score);
  expect(auc(scores, labels)).toBeCloseTo(0.8386136712749614, 12);
  const tied = scores.map((score) => Math.floor(score * 20) / 20 + 0.01);
  expect(auc(tied, labels)).toBeCloseTo(0.8376536098310292, 12);
});

test('it is the share of pairs in which the positive scores higher, a tie counted half', () => {
  fc.assert(
    fc.property(rows, (pairs) => {
      const scores = pairs.map(([score]) => score);
      const labels = pairs.map(([, label]) => label);
      const expected = byPairs(scores, labels);
      const found = auc(scores, labels);
      if (expected === null) expect(found).toBeNull();
      else expect(found).toBeCloseTo(expected, 12);
    }),
  );
});

test('turning all scores round turns the area round, and the order of rows does not count', () => {
  fc.assert(
    fc.property(rows, (pairs) => {
      const scores = Float64Array.from(pairs, ([score]) => score);
      const labels = Float64Array.from(pairs, ([, label]) => label);
      const area = auc(scores, labels);
      expect(auc(scores.toReversed(), labels.toReversed())).toBe(area);
      const turned = auc(
        scores.map((score) => -score),
        labels,
      );
      if (area === null) expect(turned).toBeNull();
      else expect(turned).toBeCloseTo(1 - area, 12);
    }),
  );
});

test('one class alone, or nothing, has no area', () => {
  expect(auc([], [])).toBeNull();
  expect(auc([0.1, 0.9], [1, 1])).toBeNull();
  expect(auc([0.1, 0.9], [0, 0])).toBeNull();
});

test('infinite scores are ordered, and a score that is no number has no rank', () => {
  expect(auc([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], [0, 1, 1])).toBe(1);
  expect(auc([Number.NaN, 0.5, Number.NaN], [0, 1, 1])).toBeNull();
});
