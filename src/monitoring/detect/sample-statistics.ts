import { andersonDarlingTest } from '../../stats/anderson-darling-test.ts';
import { chiSquareTest } from '../../stats/chi-square-test.ts';
import { cramerVonMisesTest } from '../../stats/cramer-von-mises-test.ts';
import { cramersV } from '../../stats/cramers-v.ts';
import { energyDistance } from '../../stats/energy-distance.ts';
import { eppsSingletonTest } from '../../stats/epps-singleton-test.ts';
import { fisherExactTest } from '../../stats/fisher-exact-test.ts';
import { gTest } from '../../stats/g-test.ts';
import { hellingerDistance } from '../../stats/hellinger-distance.ts';
import { jensenShannonDistance } from '../../stats/jensen-shannon-distance.ts';
import { kolmogorovSmirnovTest } from '../../stats/kolmogorov-smirnov-test.ts';
import { kullbackLeiblerDivergence } from '../../stats/kullback-leibler-divergence.ts';
import { mannWhitneyTest } from '../../stats/mann-whitney-test.ts';
import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import { tTest } from '../../stats/t-test.ts';
import { largestShareChange, totalVariationDistance } from '../../stats/total-variation-distance.ts';
import { twoProportionZTest } from '../../stats/two-proportion-z-test.ts';
import { wassersteinDistance } from '../../stats/wasserstein-distance.ts';

/** The answer of a statistic about two samples. */
export interface StatisticAnswer {
  readonly value: number;
  /** Chance of a value as far off without a difference; null: a distance, which has none. */
  readonly p: number | null;
  readonly df?: number;
}

/** A statistic of two samples by its name: of numbers, or of counts over the same categories or bins. */
export type SampleStatistic = {
  /** The meaning of its value. */
  readonly says: string;
  /** Range of the value, or its unit. */
  readonly unit: string;
} & (
  | { readonly of: 'numbers'; readonly run: (x: Float64Array, y: Float64Array) => StatisticAnswer | null }
  | {
      readonly of: 'counts';
      readonly run: (a: Float64Array, b: Float64Array) => StatisticAnswer | null;
      /** Categories that it needs; without it any number. */
      readonly categories?: 2;
    }
);

type Numbers = Parameters<Extract<SampleStatistic, { readonly of: 'numbers' }>['run']>;

const statisticOf = (test: { readonly statistic: number; readonly p: number; readonly df?: number } | null) =>
  test === null ? null : { value: test.statistic, p: test.p, ...(test.df === undefined ? {} : { df: test.df }) };
const distanceOf = (value: number | null) => (value === null ? null : { value, p: null });

/** The t test; Welch's where the variances are not pooled. */
const t =
  (pooled: boolean) =>
  (...[x, y]: Numbers) => {
    const test = tTest(x, y, { pooled });
    return test === null ? null : { value: test.t, p: test.p, df: test.df };
  };

/** Every statistic of `headrace drift test`. A new one is its file in src/stats, its row here, and `npm run pages`. */
export const sampleStatistics: Readonly<Record<string, SampleStatistic>> = {
  'kolmogorov-smirnov': {
    of: 'numbers',
    says: 'largest distance of the distribution functions',
    unit: '0 to 1',
    run: (x, y) => statisticOf(kolmogorovSmirnovTest(x, y)),
  },
  'mann-whitney': {
    of: 'numbers',
    says: 'U of the reference: pairs in which its value is the larger',
    unit: 'pairs',
    run: (x, y) => {
      const test = mannWhitneyTest(x, y);
      return test === null ? null : { value: test.u, p: test.p };
    },
  },
  'cramer-von-mises': {
    of: 'numbers',
    says: 'T: squared distance of the distribution functions',
    unit: 'none',
    run: (x, y) => statisticOf(cramerVonMisesTest(x, y)),
  },
  'anderson-darling': {
    of: 'numbers',
    says: 'standardised A² with midranks, which weighs the tails; p is kept within .001 and .25',
    unit: 'standard deviations',
    run: (x, y) => statisticOf(andersonDarlingTest([x, y])),
  },
  'epps-singleton': {
    of: 'numbers',
    says: 'distance of the characteristic functions; for discrete numbers too',
    unit: 'none',
    run: (x, y) => statisticOf(eppsSingletonTest(x, y)),
  },
  t: {
    of: 'numbers',
    says: "Student's t of the means, with one variance",
    unit: 'standard errors',
    run: t(true),
  },
  welch: {
    of: 'numbers',
    says: "Welch's t of the means, with a variance each",
    unit: 'standard errors',
    run: t(false),
  },
  wasserstein: {
    of: 'numbers',
    says: 'W₁: area between the distribution functions',
    unit: 'that of the column',
    run: (x, y) => distanceOf(wassersteinDistance(x, y)),
  },
  energy: {
    of: 'numbers',
    says: 'energy distance: root of twice the squared area',
    unit: 'root of that of the column',
    run: (x, y) => distanceOf(energyDistance(x, y)),
  },
  'chi-square': {
    of: 'counts',
    says: 'χ² of the contingency table, without Yates',
    unit: 'none',
    run: (a, b) => statisticOf(chiSquareTest(a, b)),
  },
  g: {
    of: 'counts',
    says: 'likelihood ratio of the contingency table',
    unit: 'none',
    run: (a, b) => statisticOf(gTest(a, b)),
  },
  fisher: {
    of: 'counts',
    categories: 2,
    says: 'odds ratio of a 2 × 2 table, with the exact p',
    unit: 'ratio',
    run: (a, b) => {
      const p = fisherExactTest([a[0], a[1]], [b[0], b[1]]);
      return p === null ? null : { value: (a[0] * b[1]) / (a[1] * b[0]), p };
    },
  },
  z: {
    of: 'counts',
    categories: 2,
    says: 'z of two proportions of the first category, pooled',
    unit: 'standard errors',
    run: (a, b) => {
      const test = twoProportionZTest({ hits: a[0], rows: a[0] + a[1] }, { hits: b[0], rows: b[0] + b[1] });
      return test === null ? null : { value: test.z, p: test.p };
    },
  },
  'cramers-v': {
    of: 'counts',
    says: "Cramér's V: root of χ² over the rows",
    unit: '0 to 1',
    run: (a, b) => distanceOf(cramersV(a, b)),
  },
  psi: {
    of: 'counts',
    says: 'population stability index, ½ added to each count',
    unit: 'nats',
    run: (a, b) => {
      const index = populationStabilityIndex(a, b);
      return index === null ? null : { value: index.psi, p: index.p };
    },
  },
  'jensen-shannon': {
    of: 'counts',
    says: 'root of the Jensen–Shannon divergence to base 2',
    unit: '0 to 1',
    run: (a, b) => distanceOf(jensenShannonDistance(a, b)),
  },
  hellinger: {
    of: 'counts',
    says: 'Hellinger distance of the shares',
    unit: '0 to 1',
    run: (a, b) => distanceOf(hellingerDistance(a, b)),
  },
  'kullback-leibler': {
    of: 'counts',
    says: 'divergence of the current shares from the reference, ½ added to each count',
    unit: 'nats',
    run: (a, b) => distanceOf(kullbackLeiblerDivergence(b, a, 0.5)),
  },
  'total-variation': {
    of: 'counts',
    says: 'half the sum of the changes of shares',
    unit: '0 to 1',
    run: (a, b) => distanceOf(totalVariationDistance(a, b)),
  },
  'l-infinity': {
    of: 'counts',
    says: 'largest change of a share',
    unit: '0 to 1',
    run: (a, b) => distanceOf(largestShareChange(a, b)),
  },
};
