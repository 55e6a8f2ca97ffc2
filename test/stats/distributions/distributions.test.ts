import { describe, expect, test } from 'vitest';
import { chiSquareCdf, chiSquareSf } from '../../../src/stats/distributions/chi-square.ts';
import { kolmogorovQuantile, kolmogorovSf } from '../../../src/stats/distributions/kolmogorov.ts';
import { kolmogorovSmirnovSf } from '../../../src/stats/distributions/kolmogorov-smirnov.ts';
import { normalCdf, normalLogSf, normalQuantile, normalSf } from '../../../src/stats/distributions/normal.ts';
import { studentTSf } from '../../../src/stats/distributions/student-t.ts';
import { driftJson, off, sharedDrift } from '../shared-drift.ts';

type Row = Record<string, number>;

describe.skipIf(!sharedDrift)("scipy's values to 1e-10", () => {
  const known = sharedDrift ? driftJson<Record<string, Row[]>>('stats/special_functions.json') : {};

  /** The points where we differ by more than 1e-10. */
  function wrong(name: string, of: (row: Row) => number, key: string): unknown[] {
    return known[name].flatMap((row) => {
      const ours = of(row);
      return off(ours, row[key]) <= 1e-10 ? [] : [{ ...row, ours, off: off(ours, row[key]) }];
    });
  }

  test('chi-square, both tails', () => {
    expect(wrong('chi2_sf', ({ x, df }) => chiSquareSf(x, df), 'sf')).toEqual([]);
    expect(wrong('chi2_sf', ({ x, df }) => chiSquareCdf(x, df), 'cdf')).toEqual([]);
  });

  test('normal: tails, logarithm and quantile', () => {
    const inScipy = ({ z }: Row) => z > -38;
    expect(wrong('norm_cdf', (row) => (inScipy(row) ? normalCdf(row['z']) : row['cdf']), 'cdf')).toEqual([]);
    expect(wrong('norm_cdf', ({ z, sf }) => (z < 38 ? normalSf(z) : sf), 'sf')).toEqual([]);
    expect(wrong('norm_cdf', ({ z }) => normalLogSf(z), 'logsf')).toEqual([]);
    expect(wrong('norm_ppf', ({ p }) => normalQuantile(p), 'ppf')).toEqual([]);
  });

  test("Student's t", () => {
    expect(wrong('t_sf', ({ t, df }) => studentTSf(t, df), 'sf')).toEqual([]);
  });

  test('Kolmogorov, its inverse, and the law of finite samples', () => {
    expect(wrong('kolmogorov_sf', ({ x }) => kolmogorovSf(x), 'sf')).toEqual([]);
    expect(wrong('kolmogi', ({ p }) => kolmogorovQuantile(p), 'x')).toEqual([]);
    expect(wrong('kstwo_sf', ({ D, n }) => kolmogorovSmirnovSf(D, n), 'sf')).toEqual([]);
  });
});

test('the ends of every distribution are 0 and 1', () => {
  expect([chiSquareSf(0, 3), chiSquareSf(Number.POSITIVE_INFINITY, 3), chiSquareSf(2, 0)]).toEqual([1, 0, 1]);
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect([studentTSf(Number.POSITIVE_INFINITY, 2), studentTSf(0, 2)]).toEqual([0, 0.5]);
  expect([kolmogorovSmirnovSf(0, 10), kolmogorovSmirnovSf(1, 10), kolmogorovSf(0)]).toEqual([1, 0, 1]);
});
