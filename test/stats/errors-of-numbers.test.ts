import fc from 'fast-check';
import { expect, test } from 'vitest';
import { brierScoreOf } from '../../src/stats/brier-score.ts';
import { exactMean } from '../../src/stats/exact-sum.ts';
import { absoluteErrorOf } from '../../src/stats/mean-absolute-error.ts';
import { pinballLossOf } from '../../src/stats/pinball-loss.ts';
import { LabelSpread, rSquaredOf } from '../../src/stats/r-squared.ts';
import { squaredErrorOf } from '../../src/stats/root-mean-squared-error.ts';

// The sums of the product, over whole columns.
type Column = readonly number[];
const brierScore = (probabilities: Column, labels: Column) => exactMean(probabilities, labels, brierScoreOf);
const meanAbsoluteError = (predictions: Column, labels: Column) => exactMean(predictions, labels, absoluteErrorOf);
const meanSquaredError = (predictions: Column, labels: Column) => exactMean(predictions, labels, squaredErrorOf);
const pinballLoss = (quantile: number, predictions: Column, labels: Column) =>
  exactMean(predictions, labels, (prediction, label) => pinballLossOf(quantile, prediction, label));

function rSquared(predictions: Column, labels: Column): number | null {
  const spread = new LabelSpread();
  for (const label of labels) spread.add(label);
  return rSquaredOf((meanSquaredError(predictions, labels) ?? 0) * labels.length, spread);
}

const number = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((n) => n / 64);
const pairs = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 40, size: 'max' });

const columns = (rows: readonly (readonly [number, number])[]) =>
  [rows.map(([prediction]) => prediction), rows.map(([, label]) => label)] as const;

const mean = (some: readonly number[]) => some.reduce((sum, one) => sum + one, 0) / some.length;

test("scikit-learn's values are met: the examples of its manual", () => {
  const labels = [3, -0.5, 2, 7];
  const predictions = [2.5, 0, 2, 8];
  expect(meanAbsoluteError(predictions, labels)).toBe(0.5);
  expect(meanSquaredError(predictions, labels)).toBe(0.375);
  expect(rSquared(predictions, labels)).toBeCloseTo(0.9486081370449679, 15);
  expect(pinballLoss(0.1, [0, 2, 3], [1, 2, 3])).toBeCloseTo(0.1 / 3, 15);
  expect(pinballLoss(0.1, [1, 2, 4], [1, 2, 3])).toBeCloseTo(0.3, 15);
  expect(pinballLoss(0.9, [0, 2, 3], [1, 2, 3])).toBeCloseTo(0.3, 15);
  expect(pinballLoss(0.9, [1, 2, 4], [1, 2, 3])).toBeCloseTo(0.1 / 3, 15);
  expect(brierScore([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0])).toBeCloseTo(0.0375, 15);
});

test('each is its definition, computed slowly', () => {
  fc.assert(
    fc.property(pairs, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (rows, quantile) => {
      const [predictions, labels] = columns(rows);
      const errors = rows.map(([prediction, label]) => label - prediction);
      expect(meanAbsoluteError(predictions, labels)).toBeCloseTo(mean(errors.map(Math.abs)), 6);
      expect(meanSquaredError(predictions, labels)).toBeCloseTo(mean(errors.map((e) => e * e)), 6);
      const pinball = errors.map((e) => Math.max(quantile * e, (quantile - 1) * e));
      expect(pinballLoss(quantile, predictions, labels)).toBeCloseTo(mean(pinball), 6);
      const around = mean(labels.map((label) => (label - mean(labels)) ** 2));
      const found = rSquared(predictions, labels);
      if (new Set(labels).size === 1) expect(found).toBeNull();
      else
        expect((1 - (found ?? Number.NaN)) / (mean(errors.map((e) => e * e)) / around || 1)).toBeCloseTo(
          found === 1 ? 0 : 1,
          6,
        );
    }),
  );
});

test('no order of the rows changes a bit of any of them', () => {
  fc.assert(
    fc.property(pairs, (rows) => {
      const [predictions, labels] = columns(rows);
      const [turned, turnedLabels] = columns(rows.toReversed());
      expect(meanAbsoluteError(turned, turnedLabels)).toBe(meanAbsoluteError(predictions, labels));
      expect(meanSquaredError(turned, turnedLabels)).toBe(meanSquaredError(predictions, labels));
      expect(rSquared(turned, turnedLabels)).toBe(rSquared(predictions, labels));
      expect(pinballLoss(0.3, turned, turnedLabels)).toBe(pinballLoss(0.3, predictions, labels));
    }),
  );
});

test('labels far from zero keep their variance, and equal labels have none', () => {
  const labels = [1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.75];
  expect(rSquared([1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.75], labels)).toBe(1);
  expect(rSquared([1e9 + 0.5, 1e9 + 0.5, 1e9 + 0.5], labels)).toBeCloseTo(0, 12);
  expect(rSquared([0.2, 0.1, 0.3], [0.1, 0.1, 0.1])).toBeNull();
});

test('the spread of parts together is that of the whole', () => {
  fc.assert(
    fc.property(pairs, fc.nat(), (rows, at) => {
      const [, labels] = columns(rows);
      const spreadOf = (some: readonly number[]) => {
        const spread = new LabelSpread();
        for (const one of some) spread.add(one);
        return spread;
      };
      const parts = spreadOf(labels.slice(at % labels.length));
      parts.addAll(spreadOf(labels.slice(0, at % labels.length)));
      expect(parts.squaresAroundMean).toBe(spreadOf(labels).squaresAroundMean);
    }),
  );
});

test('an error on one side of the label costs the quantile of it, on the other the rest', () => {
  expect(pinballLossOf(0.9, 0, 10)).toBe(9);
  expect(pinballLossOf(0.9, 20, 10)).toBeCloseTo(1, 12);
});

test('nothing has no error', () => {
  for (const measure of [meanAbsoluteError, meanSquaredError, rSquared, brierScore]) expect(measure([], [])).toBeNull();
  expect(pinballLoss(0.5, [], [])).toBeNull();
});
