import { describe, expect, test } from 'vitest';
import { chiSquareSf } from '../../../src/stats/distributions/chi-square.ts';
import { kolmogorovSmirnovSf } from '../../../src/stats/distributions/kolmogorov-smirnov.ts';
import { normalSf } from '../../../src/stats/distributions/normal.ts';
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

  test('chi-square', () => {
    expect(wrong('chi2_sf', ({ x, df }) => chiSquareSf(x, df), 'sf')).toEqual([]);
  });

  test('normal: both tails', () => {
    const inScipy = ({ z }: Row) => z > -38;
    expect(wrong('norm_cdf', (row) => (inScipy(row) ? normalSf(-row['z']) : row['cdf']), 'cdf')).toEqual([]);
    expect(wrong('norm_cdf', ({ z, sf }) => (z < 38 ? normalSf(z) : sf), 'sf')).toEqual([]);
  });

  test("Student's t", () => {
    expect(wrong('t_sf', ({ t, df }) => studentTSf(t, df), 'sf')).toEqual([]);
  });

  test("Kolmogorov's law of finite samples", () => {
    expect(wrong('kstwo_sf', ({ D, n }) => kolmogorovSmirnovSf(D, n), 'sf')).toEqual([]);
  });
});

test('the ends of every distribution are 0 and 1', () => {
  expect([chiSquareSf(0, 3), chiSquareSf(Number.POSITIVE_INFINITY, 3), chiSquareSf(2, 0)]).toEqual([1, 0, 1]);
  expect([studentTSf(Number.POSITIVE_INFINITY, 2), studentTSf(0, 2)]).toEqual([0, 0.5]);
  expect([kolmogorovSmirnovSf(0, 10), kolmogorovSmirnovSf(1, 10)]).toEqual([1, 0]);
});
