import { expect, test } from 'vitest';
import { type Random, randomNormal, seededRandom } from '../../src/base/rng.ts';
import { rolloutPlan } from '../../src/features/define/rollout.ts';
import { CallerGroups, callerGroup } from '../../src/serving/rollout/caller-groups.ts';
import { alphaEach } from '../../src/serving/rollout/guardrails.ts';
import { lossOf, type Outcomes, successReading } from '../../src/serving/rollout/success.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../src/stats/moments.ts';

/** A rollout with its defaults: log loss, a margin of 5 %. */
const PLAN = rolloutPlan({
  name: 'm',
  task: 'binary',
  quantile: null,
  service: { request: {} },
  rollout: {},
});
const [SUCCESS, ALPHA] = [PLAN.success, alphaEach(PLAN)];
const ROLLOUTS = 28;
const loss = lossOf('log_loss', null);

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The losses of both versions on one request: scores of a retrained version differ a little, and by its own error. */
function losses(random: Random, error: number): readonly [champion: number, candidate: number] {
  const truth = 1.2 * randomNormal(random);
  const label = random() < sigmoid(truth) ? 1 : 0;
  const score = (noise: number) => sigmoid(truth + noise * randomNormal(random));
  return [loss(score(0.15), label), loss(score(0.15 + error), label)];
}

/** Outcomes of a number of labelled requests in the shadow and in each cohort; `error`: of the candidate's scores, in log odds. */
function outcomes(seed: number, labels: number, error: number): Required<Outcomes> {
  const random = seededRandom(seed);
  let [own, difference]: [Moments, Moments] = [NO_MOMENTS, NO_MOMENTS];
  const groups = new CallerGroups();
  for (let i = 0; i < labels; i += 1) {
    const [champion, candidate] = losses(random, error);
    own = withValue(own, champion);
    difference = withValue(difference, candidate - champion);
    groups.add(callerGroup(`caller ${i}`), candidate - champion);
  }
  const cohort = (of: 0 | 1) => {
    let moments: Moments = NO_MOMENTS;
    for (let i = 0; i < labels; i += 1) moments = withValue(moments, losses(random, error)[of]);
    return { predictions: labels, loss: moments };
  };
  const pairs = { requests: labels, champion: own, difference, groups: groups.sums() };
  return { canary: cohort(1), baseline: cohort(0), pairs };
}

/** How many of the rollouts have each outcome. */
function counted(labels: number, error: number, isPaired: boolean): Readonly<Record<string, number>> {
  const found: Record<string, number> = { worse: 0, passes: 0, inconclusive: 0 };
  for (let seed = 1; seed <= ROLLOUTS; seed += 1) {
    const all = outcomes(seed, labels, error);
    if (SUCCESS === null) throw new Error('the plan has no success metric');
    found[successReading(SUCCESS, isPaired ? all : { ...all, pairs: null }, ALPHA).outcome] += 1;
  }
  return found;
}

test('sound versions pass by pairs with a tenth of the labels that cohorts need', () => {
  const [pairs, cohorts] = [counted(400, 0, true), counted(4_000, 0, false)];
  expect(pairs['worse']).toBe(0);
  expect(pairs['passes']).toBeGreaterThanOrEqual(24);
  expect(cohorts['passes']).toBeLessThan(ROLLOUTS / 2);
  expect(counted(400, 0, false)['passes']).toBe(0);
});

test('a version that is worse than the margin never passes, and pairs find it where cohorts do not', () => {
  for (const labels of [60, 400, 1_000]) expect(counted(labels, 1.2, true)['passes']).toBe(0);
  expect(counted(1_000, 1.2, true)['worse']).toBe(ROLLOUTS);
  expect(counted(1_000, 1.2, false)['worse']).toBeLessThan(ROLLOUTS);
});

test('pairs of too few labels, or of one caller, decide nothing', () => {
  const all = outcomes(1, 40, 0);
  const cohorts = { ...all, pairs: null };
  if (SUCCESS === null) throw new Error('the plan has no success metric');
  expect(successReading(SUCCESS, all, ALPHA)).toEqual(successReading(SUCCESS, cohorts, ALPHA));
  const { pairs } = outcomes(2, 1_000, 0);
  if (pairs === null) throw new Error('there are no pairs');
  const one = new CallerGroups();
  for (let i = 0; i < 1_000; i += 1) one.add(3, pairs.difference.mean);
  const lonely = { ...all, pairs: { ...pairs, groups: one.sums() } };
  expect(successReading(SUCCESS, lonely, ALPHA).outcome).toBe('inconclusive');
  // Half of the requests must have their label.
  const late = { ...all, pairs: { ...pairs, requests: 5_000 } };
  expect(successReading(SUCCESS, late, ALPHA).outcome).toBe('inconclusive');
});
