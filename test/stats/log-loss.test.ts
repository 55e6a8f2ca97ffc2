import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOG_LOSS_EPSILON, logLoss, logLossOf } from '../../src/stats/log-loss.ts';

const probability = fc.double({ min: 0, max: 1, noNaN: true });
const label = fc.integer({ min: 0, max: 1 });

const fraction = (value: number): number => value - Math.floor(value);

test("scikit-learn's values are met: log_loss 1.x", () => {
  expect(logLoss([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(0.47228795380917615, 14);
  const scores = Array.from({ length: 1000 }, (_, i) => fraction((i + 1) * 0.6180339887498949));
  const labels = scores.map((score, i) => (fraction((i + 1) * 0.7548776662466927) < score ? 1 : 0));
  expect(logLoss(scores, labels)).toBeCloseTo(0.4938277453546394, 13);
});

test('a fair coin costs ln 2, whatever comes', () => {
  expect(logLossOf(0.5, 1)).toBeCloseTo(Math.LN2, 15);
  expect(logLossOf(0.5, 0)).toBeCloseTo(Math.LN2, 15);
});

test('a certainty that was wrong costs -ln ε, and one that was right next to nothing', () => {
  expect(logLossOf(0, 1)).toBeCloseTo(-Math.log(LOG_LOSS_EPSILON), 12);
  expect(logLossOf(1, 0)).toBeCloseTo(-Math.log(LOG_LOSS_EPSILON), 8);
  expect(logLossOf(1, 1)).toBeCloseTo(LOG_LOSS_EPSILON, 12);
});

test('the loss is finite and positive for every probability, and the classes mirror each other', () => {
  fc.assert(
    fc.property(probability, label, (p, y) => {
      const loss = logLossOf(p, y);
      expect(loss).toBeGreaterThan(0);
      expect(loss).toBeLessThanOrEqual(-Math.log(LOG_LOSS_EPSILON) + 1e-8);
      expect(logLossOf(1 - p, 1 - y)).toBeCloseTo(loss, 6);
    }),
  );
});

test('the mean over parts, weighted by their rows, is the mean over the whole', () => {
  const rows = fc.array(fc.tuple(probability, label), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(rows, (pairs) => {
      const mean = (part: readonly (readonly [number, number])[]) =>
        logLoss(
          part.map(([p]) => p),
          part.map(([, y]) => y),
        ) ?? Number.NaN;
      const cut = Math.ceil(pairs.length / 2);
      const [left, right] = [pairs.slice(0, cut), pairs.slice(cut)];
      const joined = (mean(left) * left.length + mean(right) * right.length) / pairs.length;
      expect(mean(pairs)).toBeCloseTo(joined, 10);
    }),
  );
});

test('nothing has no loss', () => {
  expect(logLoss([], [])).toBeNull();
});
