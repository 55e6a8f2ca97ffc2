import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeySampler } from '../../src/serving/rollout/key-sample.ts';
import { cohortOf, percentOf, versionOf } from '../../src/serving/rollout/lane.ts';
import { scoreBin } from '../../src/serving/rollout/score-bin.ts';
import { newRollout } from '../../src/testing/contracts/rollout-store.ts';

const key = fc.string({ minLength: 1, maxLength: 12 });

test('a rise only adds callers to the canary and to the baseline: nobody leaves or changes sides', () => {
  fc.assert(
    fc.property(key, key, (salt, caller) => {
      const cohorts = [0, 1, 2, 3].map((step) => cohortOf(newRollout('r', { salt, step }), caller));
      const joined = cohorts.findIndex((cohort) => cohort !== 'champion');
      const after = joined < 0 ? [] : cohorts.slice(joined);
      expect(new Set(after).size).toBeLessThanOrEqual(1);
      // At 50 % everybody is in one of the two.
      expect(cohorts[3]).not.toBe('champion');
    }),
  );
});

test('the cohorts have the size of the step, and are equal', () => {
  const callers = Array.from({ length: 40_000 }, (_, i) => `caller ${i}`);
  for (const [step, percent] of [
    [1, 5],
    [2, 20],
    [3, 50],
  ] as const) {
    const rollout = newRollout('r-7f', { step });
    const sizes = { champion: 0, canary: 0, baseline: 0 };
    for (const caller of callers) sizes[cohortOf(rollout, caller)] += 1;
    expect(percentOf(rollout)).toBe(percent);
    // Six standard deviations of a binomial: fixed callers, so always the same sizes.
    const most = 6 * Math.sqrt(callers.length * (percent / 100) * (1 - percent / 100));
    expect(Math.abs(sizes.canary - callers.length * (percent / 100))).toBeLessThan(most);
    expect(Math.abs(sizes.baseline - callers.length * (percent / 100))).toBeLessThan(most);
  }
});

test('each rollout has cohorts of its own', () => {
  const callers = Array.from({ length: 2_000 }, (_, i) => `caller ${i}`);
  const of = (salt: string) =>
    callers.filter((caller) => cohortOf(newRollout('r', { salt, step: 3 }), caller) === 'canary');
  const both = of('r-1').filter((caller) => new Set(of('r-2')).has(caller)).length;
  expect(Math.abs(both - 500)).toBeLessThan(150);
});

test('the champion answers callers without a key, and everybody outside of a comparison', () => {
  expect(cohortOf(newRollout('r', { step: 3 }), null)).toBe('champion');
  const states = [
    ['shadow', null, 1],
    ['held', { from: 'shadow', by: 'judge' }, 1],
    ['soaking', null, 2],
    ['completed', null, 2],
    ['rolledBack', null, 1],
  ] as const;
  for (const [state, held, version] of states) {
    const rollout = newRollout('r', { state, held, step: 3 });
    expect([state, cohortOf(rollout, 'ann')]).toEqual([state, 'champion']);
    expect([state, versionOf(rollout, 'champion')]).toEqual([state, version]);
  }
  const held = newRollout('r', { state: 'held', held: { from: 'canary', by: 'judge' }, step: 3 });
  expect(cohortOf(held, 'ann')).toBe(cohortOf(newRollout('r', { step: 3 }), 'ann'));
});

test('samples of callers merge: in whatever parts, they are those of one process that saw all', () => {
  const callers = fc.array(fc.tuple(fc.constantFrom('canary', 'baseline'), fc.nat({ max: 9_000 })), { maxLength: 60 });
  fc.assert(
    fc.property(callers, fc.integer({ min: 0, max: 5_000 }), fc.nat(2), (some, many, parts) => {
      const all = [...some, ...Array.from({ length: many }, (_, i) => ['canary', 10_000 + i] as const)];
      const whole = new KeySampler();
      const shares = Array.from({ length: parts + 1 }, () => new KeySampler());
      all.forEach(([cohort, caller], i) => {
        whole.add(cohort, `caller ${caller}`);
        shares[i % shares.length].add(cohort, `caller ${caller}`);
      });
      const merged = new KeySampler();
      for (const share of shares) merged.merge(share.sample());
      const sorted = ({ level, canary, baseline }: ReturnType<KeySampler['sample']>) => ({
        level,
        canary: [...canary].sort((a, b) => a - b),
        baseline: [...baseline].sort((a, b) => a - b),
      });
      expect(sorted(merged.sample())).toEqual(sorted(whole.sample()));
      expect(merged.sample().canary.length).toBeLessThanOrEqual(2_048);
    }),
    { numRuns: 25 },
  );
});

test('a bin ascends with its score, of either sign and task', () => {
  const score = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(score, score, (a, b) => {
      const [low, high] = a <= b ? [a, b] : [b, a];
      expect(scoreBin(low, 'regression')).toBeLessThanOrEqual(scoreBin(high, 'regression'));
      expect(scoreBin(low, 'binary')).toBeLessThanOrEqual(scoreBin(high, 'binary'));
    }),
  );
});
