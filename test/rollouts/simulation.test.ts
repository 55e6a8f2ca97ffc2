import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { compareRules } from '../../scripts/rollouts/compare.ts';
import { mannWhitneyShift } from '../../scripts/rollouts/mann-whitney.ts';
import { classify, rules } from '../../scripts/rollouts/rules.ts';
import { errorsStopping, meansStopping } from '../../scripts/rollouts/stopping.ts';

const SEED = 7;
const RUNS = Number(process.env['HEADRACE_RUNS'] ?? 24);
const KAYENTA = resolve('../shared/data/drift/canary/kayenta_mannwhitney.json');

interface Judgement {
  readonly experiment: readonly number[];
  readonly control: readonly number[];
  readonly tolerance: number;
  readonly confidence: number;
  readonly expected: string;
  readonly ci: readonly [number, number];
}

test.skipIf(!existsSync(KAYENTA))(
  "the yardstick is Kayenta's judge: its own cases have its intervals and classes",
  () => {
    const { cases } = JSON.parse(readFileSync(KAYENTA, 'utf8')) as { cases: Judgement[] };
    expect(cases).toHaveLength(8);
    for (const { experiment, control, tolerance, confidence, expected, ci } of cases) {
      const { low, high } = mannWhitneyShift(experiment, control, confidence);
      expect([Math.abs(low - ci[0]) < 1e-3, Math.abs(high - ci[1]) < 1e-3]).toEqual([true, true]);
      expect(classify(experiment, control, tolerance, confidence)).toBe(expected);
    }
  },
);

test('100 looks at equal means stop at most 5 % of the runs; the classic test stops many more', () => {
  const { mixture, tTest } = meansStopping(0, 3 * RUNS, SEED);
  expect(mixture.stopped).toBeLessThanOrEqual(0.05);
  expect(tTest.stopped).toBeGreaterThan(0.3);
});

test('a difference of means is found as often and as soon as the reference says', () => {
  // 600 runs elsewhere: power 0.94 and 1.00, medians of 760 and 260 canary rows.
  const [small, large] = [meansStopping(0.1, RUNS, SEED).mixture, meansStopping(0.2, RUNS, SEED).mixture];
  expect(small.stopped).toBeGreaterThanOrEqual(0.85);
  expect(large.stopped).toBe(1);
  expect(small.median).toBeGreaterThan(500);
  expect(small.median).toBeLessThan(1_100);
  expect(large.median).toBeGreaterThan(180);
  expect(large.median).toBeLessThan(360);
});

test('errors are found as often and as soon as the reference says', () => {
  // 600 runs elsewhere: 0.5 % of null runs; medians of 8,040 and 1,372 requests.
  expect(errorsStopping(0.01, 0.01, RUNS, SEED).stopped).toBeLessThanOrEqual(0.05);
  const [small, large] = [errorsStopping(0.01, 0.03, RUNS, SEED), errorsStopping(0.01, 0.1, RUNS, SEED)];
  expect([small.stopped, large.stopped]).toEqual([1, 1]);
  expect(small.median).toBeGreaterThan(5_500);
  expect(small.median).toBeLessThan(11_000);
  expect(large.median).toBeGreaterThan(900);
  expect(large.median).toBeLessThan(1_900);
});

test('the judge as it runs, at 100 looks: no more than 5 % of sound versions are rolled back, and every bad one is', () => {
  const [own] = rules;
  for (const { scenario, outcomes } of compareRules(40, RUNS, [own])) {
    const [{ stopped }] = outcomes;
    if (scenario.isBad) expect([scenario.name, stopped]).toEqual([scenario.name, 1]);
    else expect([scenario.name, stopped <= 0.05]).toEqual([scenario.name, true]);
  }
});
