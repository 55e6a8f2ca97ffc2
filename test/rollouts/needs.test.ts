import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RolloutOptions, rolloutPlan } from '../../src/features/define/rollout.ts';
import { alphaEach } from '../../src/serving/rollout/guardrails.ts';
import { needsLines, rolloutNeeds, servedCalls } from '../../src/serving/rollout/rollout-needs.ts';
import { successReading } from '../../src/serving/rollout/success.ts';
import { ModelStatistics } from '../../src/versions/queue/model-statistics.ts';

const planOf = (rollout: RolloutOptions) =>
  rolloutPlan({ name: 'm', task: 'binary', quantile: null, service: { request: {} }, rollout: { ...rollout } });

const HOUR_MS = 3_600_000;

/** Losses of `n` labels with this mean and standard deviation. */
const losses = (n: number, mean: number, sd: number) => ({ n, mean, m2: sd * sd * (n - 1) });

const recent = (calls: number, mean = 0.4, sd = 0.3, labelledShare: number | null = 0.8) => ({
  spanMs: HOUR_MS,
  calls,
  labelledShare,
  loss: losses(1_000, mean, sd),
});

test('with the labels that a rollout says it needs the judge promotes an equal version, and with clearly fewer it does not', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.1, max: 2, noNaN: true }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      fc.option(fc.double({ min: 0.02, max: 0.5, noNaN: true })),
      (mean, sd, margin) => {
        const plan = planOf({ success: margin === null ? {} : { margin } });
        const { labels } = rolloutNeeds(plan, recent(1_000, mean, sd));
        if (labels === null || plan.success === null) throw new Error('it has no proof');
        const { success } = plan;
        const read = (n: number) => {
          const of = { predictions: n, loss: losses(n, mean, sd) };
          return successReading(success, { canary: of, baseline: of }, alphaEach(plan)).outcome;
        };
        expect(read(labels.ofEachCohort)).toBe('passes');
        if (labels.ofEachCohort > 300) expect(read(Math.floor(0.9 * labels.ofEachCohort))).toBe('inconclusive');
      },
    ),
    { numRuns: 60 },
  );
});

test('more calls need less time, never less than the declared one; without calls or labels the time is unknown', () => {
  const plan = planOf({ shadow: '10m', steps: [5, 50], every: '10m', requests: 100 });
  const hours = [10, 100, 1_000, 1_000_000].map((calls) => rolloutNeeds(plan, recent(calls)).ms ?? Number.NaN);
  expect(hours).toEqual(hours.toSorted((a, b) => b - a));
  expect(hours.at(-1)).toBeGreaterThanOrEqual(30 * 60_000);
  expect(rolloutNeeds(plan, { spanMs: 0, calls: 0, labelledShare: null, loss: losses(0, 0, 0) })).toMatchObject({
    labels: null,
    ms: null,
  });
  expect(rolloutNeeds(plan, recent(1_000, 0.4, 0.3, null)).labels).toMatchObject({ calls: null, ms: null });
  expect(rolloutNeeds(planOf({ success: false }), recent(1_000)).labels).toBeNull();
});

test('the lines of a start say the calls, the labels and the time', () => {
  const plan = planOf({ shadow: '10m', steps: [50], every: '10m', requests: 100, success: { margin: 0.1 } });
  expect(needsLines(rolloutNeeds(plan, recent(3_600))).join('\n')).toMatch(
    /needs: 300 calls in 2 steps; with all proofs \d+ \w+ at the recent rate\n {2}proof: \d+ labels of each cohort, so \d+ calls, \d+ \w+; pairs/,
  );
});

test('the served calls of all loaded versions count, answered or failed, since the first answer of any', () => {
  const at = Date.UTC(2026, 0, 1);
  const [old, young, idle] = [new ModelStatistics(), new ModelStatistics(), new ModelStatistics()];
  for (let i = 0; i < 6; i += 1) old.answered(32, 1, 1, at + i * 1_000);
  young.answeredFromCache(1, at + 4_000);
  young.failed('BACKEND', 1);
  const served = servedCalls([young, old, idle], at + 10_000);
  expect(served).toMatchObject({ spanMs: 10_000, calls: 8, labelledShare: null });
  const needs = rolloutNeeds(
    planOf({ shadow: false, steps: [50], every: '1s', requests: 100, success: false }),
    served,
  );
  expect(needs).toMatchObject({ steps: [{ percent: 50, calls: 200, ms: 250_000 }], labels: null, ms: 250_000 });
  const unknown = rolloutNeeds(planOf({ shadow: false, steps: [50], requests: 100 }), servedCalls([idle], at));
  expect(unknown).toMatchObject({ steps: [{ calls: 200, ms: null }], ms: null });
  expect(needsLines(unknown)[0]).toContain(
    'needs: 200 calls in 1 steps; with all proofs an unknown time: no recent call',
  );
});
