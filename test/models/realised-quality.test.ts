import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RealisedQuality } from '../../src/monitoring/labels/realised-quality.ts';
import { auc } from '../../src/stats/auc.ts';
import { brierScoreOf } from '../../src/stats/brier-score.ts';
import { exactMean } from '../../src/stats/exact-sum.ts';
import { logLoss } from '../../src/stats/log-loss.ts';
import { ScoreCounts } from '../../src/stats/score-counts.ts';

const DAY_MS = 86_400_000;
const binary = { task: 'binary', quantile: null } as const;

const outcome = fc.record({
  at: fc.integer({ min: -2 * DAY_MS, max: 3 * DAY_MS }),
  version: fc.integer({ min: 1, max: 3 }),
  score: fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
  label: fc.constantFrom(0, 1, null),
});

test('the quality of a span is that of its predictions taken together, by all versions or one', () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 60, size: 'max' }), fc.constantFrom(null, 1, 2), (outcomes, version) => {
      const quality = new RealisedQuality(binary);
      for (const { label, ...prediction } of outcomes) {
        quality.predicted(prediction);
        if (label !== null) quality.judged({ ...prediction, label, assumed: false });
      }
      const meant = outcomes.filter(
        (one) => one.at >= 0 && one.at < 2 * DAY_MS && (version === null || one.version === version),
      );
      const judged = meant.flatMap(({ score, label }) => (label === null ? [] : [{ score, label }]));
      const scores = judged.map(({ score }) => score);
      const labels = judged.map(({ label }) => label);
      const positives = labels.filter((label) => label === 1).length;
      const found = quality.between(0, 2 * DAY_MS, version);
      if (meant.length === 0) {
        expect(found).toBeNull();
        return;
      }
      expect(found).toEqual({
        task: 'binary',
        predictions: meant.length,
        labelled: judged.length,
        assumed: 0,
        pending: meant.length - judged.length,
        unlabelled: 0,
        coverage: judged.length / meant.length,
        positives,
        auc: auc(scores, labels),
        logLoss: logLoss(scores, labels) === null ? null : expect.closeTo(logLoss(scores, labels) ?? 0, 10),
        baseLogLoss: judged.length === 0 ? null : expect.closeTo(entropy(positives / judged.length), 6),
        brier: exactMean(scores, labels, brierScoreOf),
      });
    }),
  );
});

test('days are those of prediction, in UTC, before 1970 as well', () => {
  const quality = new RealisedQuality(binary);
  for (const at of [-1, 0, DAY_MS - 1, DAY_MS, -DAY_MS]) quality.predicted({ at, version: 7, score: 0.5 });
  expect(quality.days()).toEqual([-DAY_MS, 0, DAY_MS]);
  expect(quality.between(0, DAY_MS)).toMatchObject({ predictions: 2, labelled: 0, coverage: 0, auc: null });
  expect(quality.versions(0, DAY_MS)).toEqual([7]);
  expect(quality.between(0, DAY_MS, 8)).toBeNull();
});

test('the last 400 days are kept', () => {
  const quality = new RealisedQuality(binary);
  for (let day = 0; day < 405; day += 1) quality.predicted({ at: day * DAY_MS, version: 1, score: 0.5 });
  expect(quality.days()).toHaveLength(400);
  expect(quality.days()[0]).toBe(5 * DAY_MS);
});

/** Of a share of true: the loss of always saying it, nats. */
function entropy(share: number): number {
  return share === 0 || share === 1 ? 0 : -share * Math.log(share) - (1 - share) * Math.log(1 - share);
}

/** Scores in [0, 1], many of them near 0 and near 1. */
const probability = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share ** 8),
  fc.double({ min: 0, max: 1, noNaN: true }).map((share) => 1 - share ** 8),
);

test('beyond its bound of scores a quality has bounded memory, exact means and counts, and an area within its error', () => {
  const judged = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 3 * DAY_MS }),
      version: fc.integer({ min: 1, max: 2 }),
      score: probability,
      label: fc.constantFrom(0, 1),
    }),
    { minLength: 1, maxLength: 400, size: 'max' },
  );
  fc.assert(
    fc.property(judged, fc.integer({ min: 0, max: 100 }), (outcomes, mostRows) => {
      const exact = new RealisedQuality(binary);
      const bounded = new RealisedQuality(binary, mostRows);
      const counts = new ScoreCounts();
      for (const one of outcomes) {
        for (const quality of [exact, bounded]) {
          quality.predicted(one);
          quality.judged({ ...one, assumed: false });
        }
        counts.add(one.score, one.label);
      }
      const [whole, found] = [exact, bounded].map((quality) => quality.between(0, 4 * DAY_MS));
      const within = (counts.auc()?.within ?? 0) + 1e-12;
      expect(found).toEqual({ ...whole, auc: whole?.auc === null ? null : expect.any(Number) });
      expect(Math.abs((found?.auc ?? 0) - (whole?.auc ?? 0))).toBeLessThanOrEqual(within);
    }),
    { numRuns: 60 },
  );
});

test('the memory of a quality grows with its bins, and not with its labels', () => {
  const quality = new RealisedQuality(binary, 1_000);
  const bytesAfter = (labels: number): number => {
    for (let i = 0; i < labels; i += 1) {
      const one = { at: (i % 4) * DAY_MS, version: 1, score: ((i * 7_919) % 10_007) / 10_007, label: i % 2 };
      quality.predicted(one);
      quality.judged({ ...one, assumed: false });
    }
    return quality.bytes;
  };
  const first = bytesAfter(40_000);
  expect(bytesAfter(40_000)).toBeLessThanOrEqual(first);
  expect(quality.between(0, 5 * DAY_MS)).toMatchObject({ labelled: 80_000, positives: 40_000 });
});
