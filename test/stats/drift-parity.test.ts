import { describe, expect, test } from 'vitest';
import { compareText } from '../../src/base/text-order.ts';
import { binOf, edgeBins } from '../../src/monitoring/profile/frozen-bins.ts';
import { andersonDarlingTest } from '../../src/stats/anderson-darling-test.ts';
import { chiSquareTest } from '../../src/stats/chi-square-test.ts';
import { cramerVonMisesTest } from '../../src/stats/cramer-von-mises-test.ts';
import { energyDistance } from '../../src/stats/energy-distance.ts';
import { eppsSingletonTest } from '../../src/stats/epps-singleton-test.ts';
import { fisherExactTest } from '../../src/stats/fisher-exact-test.ts';
import { hellingerDistance } from '../../src/stats/hellinger-distance.ts';
import { jensenShannonDistance } from '../../src/stats/jensen-shannon-distance.ts';
import { kolmogorovSmirnovTest } from '../../src/stats/kolmogorov-smirnov-test.ts';
import { kullbackLeiblerDivergence } from '../../src/stats/kullback-leibler-divergence.ts';
import { mannWhitneyTest } from '../../src/stats/mann-whitney-test.ts';
import { quantileOfSorted } from '../../src/stats/quantile-of-sorted.ts';
import { tTest } from '../../src/stats/t-test.ts';
import { totalVariationDistance } from '../../src/stats/total-variation-distance.ts';
import { twoProportionZTest } from '../../src/stats/two-proportion-z-test.ts';
import { wassersteinDistance } from '../../src/stats/wasserstein-distance.ts';
import { driftJson, driftText, off, sharedDrift } from './shared-drift.ts';

type Side = readonly (number | string | null)[] | { readonly counts: Readonly<Record<string, number>> };

interface Asserted {
  readonly test: string;
  readonly feature_type: 'cat' | 'num';
  readonly reference: Side;
  readonly current: Side;
  readonly expected: number;
  readonly abs_tolerance: number;
  readonly full_precision?: number;
  readonly note?: string;
}

const isRows = (side: Side): side is readonly (number | string | null)[] => Array.isArray(side);

/** Counts of both sides over all values; missing ones are left out. */
function counted(a: Side, b: Side): readonly [readonly number[], readonly number[]] {
  const count = (side: Side) => {
    const counts = new Map<string, number>();
    if (!isRows(side)) return new Map(Object.entries(side.counts).filter(([value]) => value !== 'null'));
    for (const value of side) if (value !== null) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    return counts;
  };
  const [p, q] = [count(a), count(b)];
  const names = [...new Set([...p.keys(), ...q.keys()])].sort(compareText);
  return [names.map((name) => p.get(name) ?? 0), names.map((name) => q.get(name) ?? 0)];
}

/** Rows as numbers; of counts each value as often as it comes. */
function numbersOf(side: Side): readonly number[] {
  if (isRows(side)) return side.flatMap((value) => (value === null ? [] : [Number(value)]));
  return Object.entries(side.counts).flatMap(([value, count]) => Array<number>(count).fill(Number(value)));
}

const pair = ([a, b]: readonly number[]): readonly [number, number] => [a, b];

/** Our answer to the same question; undefined: Headrace does not ask it so. */
function answer({ test: name, reference, current, feature_type: type }: Asserted): number | null | undefined {
  const [x, y] = type === 'num' ? [numbersOf(reference), numbersOf(current)] : [[], []];
  const [p, q] = counted(reference, current);
  switch (name) {
    case 'hellinger':
      return hellingerDistance(p, q);
    case 'anderson':
      return andersonDarlingTest([x, y])?.p;
    case 'cramer_von_mises':
      return cramerVonMisesTest(x, y)?.p;
    case 'fisher_exact':
      return fisherExactTest(pair(p), pair(q));
    case 'ed':
      return energyDistance(x, y);
    case 'es':
      return eppsSingletonTest(x, y)?.p;
    case 't_test':
      return tTest(x, y)?.p;
    case 'z':
      return twoProportionZTest({ hits: q[0], rows: q[0] + (q[1] ?? 0) }, { hits: p[0], rows: p[0] + (p[1] ?? 0) })?.p;
    default:
      return undefined;
  }
}

describe.skipIf(!sharedDrift)('answers that other monitors assert of themselves', () => {
  test('Evidently: its values where its rule is sound', () => {
    const { cases } = driftJson<{ cases: Asserted[] }>('stats/evidently_expected.json');
    let compared = 0;
    for (const one of cases) {
      const ours = answer(one);
      // Nulls that it counts as a category are left out here.
      if (ours === undefined || one.note?.includes('Do not copy') === true) continue;
      compared += 1;
      const known = one.full_precision ?? one.expected;
      const allowed = one.full_precision === undefined ? one.abs_tolerance : 1e-9;
      expect({ one: one.test, known, near: Math.abs((ours ?? Number.NaN) - known) <= allowed, ours }).toMatchObject({
        near: true,
      });
    }
    expect(compared).toBeGreaterThanOrEqual(16);
  });

  test('Evidently: not its values where its rule is not', () => {
    const { cases } = driftJson<{ cases: Asserted[] }>('stats/evidently_expected.json');
    const named = (name: string) => cases.filter((one) => one.test === name);
    // A doubled reference says more; a goodness of fit does not notice.
    const [single, double] = named('chisquare').map(
      ({ reference, current }) => chiSquareTest(...counted(reference, current))?.p,
    );
    expect(single).toBeCloseTo(0.8985262394026607, 10);
    expect(double).not.toBeCloseTo(single ?? 0, 3);
    const [mann] = named('mannw');
    expect(mannWhitneyTest(numbersOf(mann.reference), numbersOf(mann.current))?.p).toBeCloseTo(0.9628660612, 9);
    for (const { reference, current, note } of named('TVD'))
      expect(totalVariationDistance(...counted(reference, current))).toBeCloseTo(
        Number(note?.match(/statistic = ([\d.]+)/)?.[1]),
        9,
      );
  });

  test('two samples over the bins of Evidently and NannyML, and by deciles', () => {
    interface Pair {
      readonly x: readonly number[];
      readonly y: readonly number[];
      readonly [key: string]: unknown;
    }
    const { cases } = driftJson<{ cases: Pair[] }>('stats/two_sample_tests.json');
    let compared = 0;
    const same = (ours: number | null, theirs: unknown) => {
      if (theirs === undefined || theirs === null) return;
      compared += 1;
      expect(off(ours ?? Number.NaN, Number(theirs))).toBeLessThan(1e-10);
    };
    const numbers = (one: Pair, key: string) => (Array.isArray(one[key]) ? (one[key] as number[]) : null);
    for (const one of cases) {
      const [p, q] = [numbers(one, 'ref_pct'), numbers(one, 'cur_pct')];
      if (p !== null && q !== null) {
        // Its zeros are filled and not renormalised: the divergence is of the given numbers.
        same(jensenShannonDistance(p, q, Math.E), one['evidently_js']);
        if (p.every((share) => share > 1e-4) && q.every((share) => share > 1e-4))
          same(kullbackLeiblerDivergence(p, q), one['evidently_kl']);
      }
      const deciles = numbers(one, 'decile_edges');
      const sorted = Float64Array.from(one.x).sort();
      const wanted = new Set(Array.from({ length: 9 }, (_, i) => quantileOfSorted(sorted, (i + 1) / 10)));
      if (deciles !== null) expect([...wanted].every((edge, i) => Math.abs(edge - deciles[i]) < 1e-12)).toBe(true);
      const doane = numbers(one, 'nannyml_doane_edges');
      if (doane === null) continue;
      const [a, b] = [one.x, one.y].map((rows) => doaneCounts(rows, doane));
      same(jensenShannonDistance(a, b), one['nannyml_js_base2']);
      same(hellingerDistance(a, b), one['nannyml_hellinger']);
    }
    expect(compared).toBeGreaterThanOrEqual(20);
  });

  test('NannyML: chunks of car_loan by exact KS, W1 and χ², with the limits of the reference', () => {
    interface Known {
      readonly columns: Record<
        string,
        Record<string, { reference_chunks: number[]; analysis_chunks: number[]; upper_threshold: number }>
      >;
    }
    const known = driftJson<Known>('nannyml/car_loan_univariate_expected.json');
    const [reference, monitoring] = ['reference', 'monitoring'].map((name) =>
      columnsOf(driftText(`nannyml/car_loan_${name}.csv.gz`)),
    );
    const chunks = (rows: readonly string[]) =>
      Array.from({ length: 10 }, (_, i) => rows.slice(i * 5000, (i + 1) * 5000));
    for (const name of ['car_value', 'y_pred_proba']) {
      const whole = reference[name].map(Number);
      for (const [method, distance] of [
        [
          'ks_exact',
          (part: readonly number[]) => kolmogorovSmirnovTest(whole, part, 'two-sided', 'asymptotic')?.statistic,
        ],
        ['wasserstein_exact', (part: readonly number[]) => wassersteinDistance(whole, part)],
      ] as const) {
        const {
          reference_chunks: before,
          analysis_chunks: after,
          upper_threshold: limit,
        } = known.columns[name][method];
        const own = chunks(reference[name]).map((part) => distance(part.map(Number)) ?? Number.NaN);
        const later = chunks(monitoring[name]).map((part) => distance(part.map(Number)) ?? Number.NaN);
        const published = [...before, ...after];
        expect([...own, ...later].filter((value, i) => !(off(value, published[i]) < 1e-9))).toEqual([]);
        const mean = own.reduce((sum, value) => sum + value, 0) / 10;
        const spread = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 10);
        expect(off(mean + 3 * spread, limit)).toBeLessThan(1e-9);
      }
    }
    const tested = known.columns['salary_range']['chi2_contingency_stat_p'] as unknown as readonly [number, number][];
    chunks(monitoring['salary_range']).forEach((part, i) => {
      const found = chiSquareTest(...counted(reference['salary_range'], part));
      expect(off(found?.statistic ?? 0, tested[i][0])).toBeLessThan(1e-9);
      expect(off(found?.p ?? 0, tested[i][1])).toBeLessThan(1e-9);
    });
  });

  test('frouros: batches', () => {
    interface Batch<T> {
      readonly X_ref: readonly T[];
      readonly X_test: readonly T[];
    }
    const { frouros_batch: known } = driftJson<{
      frouros_batch: {
        frouros_univariate: Batch<number> & { readonly expected: Record<string, number> };
        frouros_chi2: Batch<string> & { readonly statistic: number; readonly p: number };
      };
    }>('streams/detector_fixtures.json');
    const { X_ref: x, X_test: y, expected } = known.frouros_univariate;
    expect(wassersteinDistance(x, y)).toBeCloseTo(expected['EMD'], 7);
    expect(energyDistance(x, y)).toBeCloseTo(expected['EnergyDistance'], 7);
    const found = chiSquareTest(...counted(known.frouros_chi2.X_ref, known.frouros_chi2.X_test));
    expect(found?.statistic).toBeCloseTo(known.frouros_chi2.statistic, 7);
    expect(found?.p).toBeCloseTo(known.frouros_chi2.p, 7);
  });
});

/** Counts between edges as numpy does it, the last edge included, and one more of the rows outside. */
function doaneCounts(rows: readonly number[], edges: readonly number[]): readonly number[] {
  const inner = edgeBins(edges.slice(1, -1));
  const counts = Array<number>(edges.length).fill(0);
  for (const value of rows) {
    const isInside = value >= edges[0] && value <= (edges.at(-1) ?? 0);
    counts[isInside ? binOf(inner, value) : edges.length - 1] += 1;
  }
  return counts;
}

function columnsOf(csv: string): Readonly<Record<string, readonly string[]>> {
  const [heads, ...rows] = csv
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  return Object.fromEntries(heads.map((head, c) => [head, rows.map((row) => row[c])]));
}
