import { chiSquareTest } from '../../stats/chi-square-test.ts';
import { chiSquareSf } from '../../stats/distributions/chi-square.ts';
import { normalSf } from '../../stats/distributions/normal.ts';
import { jensenShannonDistance } from '../../stats/jensen-shannon-distance.ts';
import { asymptoticP, exactP } from '../../stats/kolmogorov-smirnov-test.ts';
import { populationStabilityIndex } from '../../stats/population-stability-index.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';
import type { ColumnSide } from './column-side.ts';
import { type DistributionGap, distributionGap } from './distribution.ts';
import type {
  DriftLimit,
  FeatureComparison,
  FeatureEffect,
  FeatureEvidence,
  ValueChanges,
} from './feature-comparison.ts';
import { type FeatureKind, kindOf } from './feature-kind.ts';
import { missingRose } from './quality-fault.ts';
import { countsOver, referenceBins } from './reference-bins.ts';
import { type SideCounts, type UnseenValues, unseenValues, withUnseen } from './unseen-values.ts';

/** The facts of a column before the features are judged together. */
export type ComparedColumn = Omit<FeatureComparison, 'state' | 'reason' | 'rootCauseShare'>;

export interface CompareColumnOptions {
  /** The limit of the reference's own blocks over the bins. */
  readonly calibrate: (bins: FrozenBins, kind: FeatureKind) => DriftLimit | null;
  /** Counts that were made over frozen bins; otherwise bins come from the reference side. */
  readonly counted?: {
    readonly bins: FrozenBins;
    readonly reference: Float64Array;
    readonly current: Float64Array;
    /** Whether counts alone are evidence: values of the reference are known by bin. */
    readonly alone?: boolean;
  } | null;
}

/** Compares the current side of a column with its reference. */
export function compareColumn(
  name: string,
  reference: ColumnSide,
  current: ColumnSide,
  { calibrate, counted = null }: CompareColumnOptions,
): ComparedColumn {
  const sameType = reference.type === current.type || reference.missing === reference.rows;
  const kind = reference.kind ?? kindOf(sameType ? reference : current);
  const frozen = counted?.bins ?? referenceBins(reference, kind);
  const counts: SideCounts =
    counted === null
      ? [countsOver(reference, frozen), countsOver(current, frozen)]
      : [counted.reference, counted.current];
  const judged = kind !== 'identifier' && reference.type === current.type;
  // New missing values are a separate fault: in the bins they would look like drift.
  const rose = missingRose(reference, current);
  const unseen = kind === 'manyValues' ? unseenValues(reference, current) : null;
  const seen = rose ? withoutMissing(counts) : counts;
  const all = withUnseen(counts, unseen);
  const gap = judged && kind === 'number' ? gapOf(reference, current) : null;
  const effect = judged ? effectOf(kind, [reference, current], gap, rose ? withoutMissing(all) : all) : null;
  const limit = judged ? calibrate(frozen, kind) : null;
  const designEffect = limit?.designEffect ?? 1;
  return {
    name,
    kind,
    rows: { reference: Math.round(reference.rows), current: current.rows },
    missing: { reference: Math.round(reference.missing), current: current.missing },
    mean: { reference: reference.mean, current: current.mean },
    effect,
    evidence: judged
      ? evidenceOf(counted?.alone === true ? 'category' : kind, reference, current, {
          counts: seen,
          unseen,
          rose,
          designEffect,
          gap,
        })
      : null,
    limit,
    values: kind === 'category' || kind === 'manyValues' ? valueChanges(reference, current) : null,
    outlier: outlierOf(effect, current, reference),
    approximate: (reference.distribution?.rankError ?? 0) > 0 || reference.offset > 0,
    bins: { frozen, reference: Array.from(counts[0], Math.round), current: [...counts[1]] },
  };
}

function gapOf({ distribution: a }: ColumnSide, { distribution: b }: ColumnSide): DistributionGap | null {
  return a === null || b === null ? null : distributionGap(a, b);
}

function withoutMissing([p, q]: SideCounts): SideCounts {
  return [p.subarray(0, p.length - 1), q.subarray(0, q.length - 1)];
}

function effectOf(
  kind: FeatureKind,
  [reference, current]: readonly [ColumnSide, ColumnSide],
  gap: DistributionGap | null,
  [p, q]: SideCounts,
): FeatureEffect | null {
  const index = populationStabilityIndex(p, q);
  const js = jensenShannonDistance(p, q);
  if (index === null || js === null) return null;
  const deviation = reference.deviation ?? 0;
  const scaled = kind === 'number' && deviation > 0 && current.mean !== null && reference.mean !== null;
  return {
    psi: index.psi,
    debiasedPsi: index.debiased,
    jensenShannon: js,
    wasserstein: gap === null || !scaled ? null : gap.wasserstein / deviation,
    meanShift: scaled ? ((current.mean ?? 0) - (reference.mean ?? 0)) / deviation : null,
  };
}

interface Seen {
  readonly counts: SideCounts;
  readonly unseen: UnseenValues | null;
  /** Missing values are a separate fault. */
  readonly rose: boolean;
  /** Rows that vary as one independent row does. */
  readonly designEffect: number;
  /** Of the distributions of numbers; null: it is not known. */
  readonly gap: DistributionGap | null;
}

/** Above this many values the exact law and the finite-sample law agree, and paths take time. */
const EXACT_MOST = 2000;

function evidenceOf(
  kind: FeatureKind,
  reference: ColumnSide,
  current: ColumnSide,
  { counts, unseen, rose, designEffect, gap: known }: Seen,
): FeatureEvidence | null {
  const gap = kind === 'number' ? known : null;
  if (gap === null || reference.distribution === null || current.distribution === null) {
    const test = chiSquareTest(...pooled(...counts));
    if (test === null && unseen === null) return null;
    const { statistic, df, p: own } = test ?? { statistic: 0, df: 1, p: 1 };
    // Frequent values, and the share of unseen ones: two looks.
    const p = eitherP(own, unseen?.p ?? null);
    const dependentUnseen = unseen === null ? null : 2 * normalSf(unseen.z / Math.sqrt(designEffect));
    const dependentP = eitherP(chiSquareSf(statistic / designEffect, df), dependentUnseen);
    return { test: 'chi-square', statistic, p, dependentP, adjustedP: dependentP, location: null, sign: null };
  }
  // A sketch is off by its rank error on each side: only a distance beyond it is evidence.
  const d = Math.max(0, gap.d - reference.distribution.rankError - current.distribution.rankError);
  const [n, m] = [reference.distribution.n, current.distribution.n];
  const small = Math.max(n, m) <= EXACT_MOST && reference.distribution.rankError === 0;
  const shape = small ? exactP(d, n, m, 'two-sided') : asymptoticP(d, n, m);
  const dependent = designEffect > 1 ? Math.max(shape, asymptoticP(d, n / designEffect, m / designEffect)) : shape;
  // Missing values are a part of the distribution.
  const missing = rose || reference.missing + current.missing === 0 ? null : missingTest(reference, current);
  const dependentMissing = missing === null ? null : chiSquareSf(missing.statistic / designEffect, missing.df);
  const dependentP = eitherP(dependent, dependentMissing);
  return {
    test: 'kolmogorov-smirnov',
    statistic: gap.d,
    p: eitherP(shape, missing?.p ?? null),
    dependentP,
    adjustedP: dependentP,
    location: gap.location,
    sign: gap.sign,
  };
}

/** The smaller p of two looks counts twice (Bonferroni). */
function eitherP(one: number, other: number | null): number {
  return Math.min(1, other === null ? one : 2 * Math.min(one, other));
}

function missingTest(reference: ColumnSide, current: ColumnSide): ReturnType<typeof chiSquareTest> {
  return chiSquareTest(
    [reference.rows - reference.missing, reference.missing],
    [current.rows - current.missing, current.missing],
  );
}

/** Cells whose expected count is below 5 share one: χ² does not hold for them (Cochran 1954). */
function pooled(p: Float64Array, q: Float64Array): readonly [readonly number[], readonly number[]] {
  const n = p.reduce((sum, count) => sum + count, 0);
  const m = q.reduce((sum, count) => sum + count, 0);
  const least = Math.min(n, m) / (n + m);
  const a: number[] = [0];
  const b: number[] = [0];
  for (let i = 0; i < p.length; i += 1) {
    if ((p[i] + q[i]) * least < 5) {
      a[0] += p[i];
      b[0] += q[i];
    } else {
      a.push(p[i]);
      b.push(q[i]);
    }
  }
  return [a, b];
}

const NAMED = 10;

function valueChanges(reference: ColumnSide, current: ColumnSide): ValueChanges | null {
  const known = reference.values;
  if (known === null || current.values === null) return null;
  const unseen = [...current.values].filter(([value]) => !known.has(value)).sort(([, a], [, b]) => b - a);
  const filled = Math.max(1, current.rows - current.missing);
  const held = [...known.values()];
  const once = held.reduce((sum, count) => sum + (count === 1 ? 1 : 0), 0);
  const vanished = [...known]
    .filter(([value, count]) => !current.values?.has(value) && count > 0)
    .sort(([, a], [, b]) => b - a);
  // Of a sketch only the frequent values are known: a rare one is not unseen.
  const sure = reference.offset === 0 && current.offset === 0;
  return {
    unseen: sure ? unseen.slice(0, NAMED).map(([value]) => value) : [],
    unseenShare: sure ? unseen.reduce((sum, [, count]) => sum + count, 0) / filled : 0,
    expectedUnseenShare: once / Math.max(1, reference.rows - reference.missing),
    vanished: sure ? vanished.slice(0, NAMED).map(([value]) => value) : [],
  };
}

/** W₁ explodes on a few far values while the bins hardly move: an outlier, no drift of the population. */
function outlierOf(effect: FeatureEffect | null, current: ColumnSide, reference: ColumnSide): number | null {
  if (effect === null || effect.wasserstein === null || effect.wasserstein < 0.5 || effect.debiasedPsi >= 0.05)
    return null;
  const high = (current.greatest ?? 0) - (reference.greatest ?? 0);
  const low = (reference.least ?? 0) - (current.least ?? 0);
  return high >= low ? current.greatest : current.least;
}
