import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anytimeKs } from '../../src/stats/anytime-ks.ts';
import { eventEValue } from '../../src/stats/event-e-value.ts';
import { mixtureSprt } from '../../src/stats/mixture-sprt.ts';
import { type Moments, mergeMoments, NO_MOMENTS, varianceOf, withValue } from '../../src/stats/moments.ts';
import { rankCorrelation } from '../../src/stats/rank-correlation.ts';
import { sampleRatio } from '../../src/stats/sample-ratio.ts';

const SERVING = resolve('../shared/data/serving/canary/sequential-tests.json');
const DRIFT = resolve('../shared/data/drift/canary/msprt.json');

function closeTo(found: number, expected: number, relative = 1e-9): void {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + 1e-14);
}

type Case = Readonly<Record<string, number>> & {
  readonly kind: string;
  readonly expect: Readonly<Record<string, number | boolean>>;
};

const checks: Readonly<Record<string, (one: Case, expected: Readonly<Record<string, number>>) => boolean>> = {
  msprt: (one, expected) => {
    const { na, nb, mean_a: meanA, mean_b: meanB, var_a: varA, var_b: varB, tau2, alpha } = one;
    const found = mixtureSprt({ na, nb, meanA, meanB, varA, varB, tau2, alpha });
    closeTo(found.variance, expected['V']);
    closeTo(found.logRatio, expected['log_lambda']);
    closeTo(found.p, expected['p_now']);
    closeTo(found.low, expected['cs_low']);
    closeTo(found.high, expected['cs_high']);
    closeTo(found.z, expected['z']);
    return found.stops;
  },
  error_e_value: (one, expected) => {
    const { n_errors: events, canary_errors: watched, share, strength, alpha } = one;
    const found = eventEValue({ events, watched, share, strength, alpha });
    closeTo(found.logE, expected['log_e']);
    closeTo(found.e, expected['e']);
    return found.stops;
  },
  srm: (one, expected) => {
    const found = sampleRatio([one['n_a'], one['n_b']], [1 - one['share_b'], one['share_b']]);
    closeTo(found.chi2, expected['chi2']);
    closeTo(found.p, expected['p']);
    return found.invalid;
  },
};

test.skipIf(!existsSync(SERVING))('the 14 worked cases are met to 1e-9', () => {
  const { cases } = JSON.parse(readFileSync(SERVING, 'utf8')) as { cases: Case[] };
  expect(cases).toHaveLength(14);
  for (const one of cases) {
    const verdict = checks[one.kind](one, one.expect as Readonly<Record<string, number>>);
    expect([one, verdict]).toEqual([one, one.expect['stop'] ?? one.expect['invalid']]);
  }
});

test.skipIf(!existsSync(DRIFT))('the always-valid p of two proportions follows the published walk', () => {
  const { fixture } = JSON.parse(readFileSync(DRIFT, 'utf8')) as { fixture: { control: string; treatment: string } };
  const [tau, start] = [0.02, 50];
  let [p, a, b, first] = [1, 0, 0, 0];
  const at: Record<number, number> = {};
  for (let n = 1; n <= fixture.control.length; n += 1) {
    a += Number(fixture.control[n - 1]);
    b += Number(fixture.treatment[n - 1]);
    // The variance of one proportion for both: that of their mean.
    const pooled = (a + b) / (2 * n);
    const variance = pooled * (1 - pooled);
    const means = { na: n, nb: n, meanA: a / n, meanB: b / n, varA: variance, varB: variance };
    if (n >= start) p = Math.min(p, mixtureSprt({ ...means, tau2: tau * tau, alpha: 0.05 }).p);
    if (p < 0.05 && first === 0) first = n;
    at[n] = p;
  }
  expect([first, a, b]).toEqual([377, 297, 513]);
  const published = [
    [100, 0.9827719319740505],
    [500, 0.029121515446365615],
    [1000, 1.326347870799411e-5],
    [2000, 1.2122968496215194e-8],
    [3000, 8.984970464429716e-13],
  ];
  for (const [n, expected] of published) closeTo(at[n] / expected, 1, 1e-9);
});

test('the e-value is a fair bet: its mean over all outcomes of n events is 1', () => {
  for (const [events, share, strength] of [
    [12, 0.05, 50],
    [12, 0.5, 10],
    [30, 0.3, 3],
  ]) {
    let mean = 0;
    let choose = 1;
    for (let watched = 0; watched <= events; watched += 1) {
      const chance = choose * share ** watched * (1 - share) ** (events - watched);
      mean += chance * eventEValue({ events, watched, share, strength, alpha: 0.05 }).e;
      choose = (choose * (events - watched)) / (watched + 1);
    }
    expect(mean).toBeCloseTo(1, 12);
  }
  expect(eventEValue({ events: 0, watched: 0, share: 0.5, strength: 10, alpha: 0.05 })).toMatchObject({
    e: 1,
    stops: false,
  });
});

test('groups of one value each are no evidence where equal, and certain where not', () => {
  const same = { na: 50, nb: 50, meanA: 1, varA: 0, varB: 0, tau2: 0.01, alpha: 0.05 };
  expect(mixtureSprt({ ...same, meanB: 1 })).toMatchObject({ p: 1, stops: false, low: 0, high: 0 });
  expect(mixtureSprt({ ...same, meanB: 2 })).toMatchObject({ p: 0, stops: true, low: 1, high: 1 });
});

test('moments merge: split anywhere, they are those of the whole', () => {
  const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 60 }), fc.nat(), (values, at) => {
      const of = (part: readonly number[]) => part.reduce<Moments>(withValue, NO_MOMENTS);
      const cut = at % values.length;
      const merged = mergeMoments(of(values.slice(0, cut)), of(values.slice(cut)));
      const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
      const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (values.length - 1);
      expect(merged.n).toBe(values.length);
      expect(merged.mean).toBeCloseTo(mean, 8);
      expect(Math.abs(varianceOf(merged) - variance)).toBeLessThanOrEqual(1e-9 * Math.max(1, variance));
    }),
  );
});

test("scipy's rank correlations are met, with ties too", () => {
  // scipy.stats.spearmanr.
  closeTo(rankCorrelation([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) ?? 0, 0.8207826816681233, 1e-12);
  expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBe(-1);
  expect(rankCorrelation([1, 1, 1], [1, 2, 3])).toBeNull();
});

test('the bound of the distance holds what it says: zero of equal groups, close to the truth of many', () => {
  expect(anytimeKs({ a: [5, 5], b: [5, 5] }, 0.05)).toEqual({ distance: 0, atLeast: 0 });
  const { distance, atLeast } = anytimeKs({ a: [90_000, 10_000], b: [50_000, 50_000] }, 0.05);
  expect(distance).toBeCloseTo(0.4, 12);
  expect(atLeast).toBeGreaterThan(0.36);
  expect(anytimeKs({ a: [], b: [] }, 0.05)).toEqual({ distance: 0, atLeast: 0 });
});
