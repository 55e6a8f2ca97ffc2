import { domainClassifier } from '../../stats/domain-classifier.ts';
import { maximumMeanDiscrepancy } from '../../stats/maximum-mean-discrepancy.ts';
import { quantileOfSorted } from '../../stats/quantile-of-sorted.ts';
import { binOf, edgeBins, valueBins } from '../profile/frozen-bins.ts';
import type { ColumnSide } from './column-side.ts';
import type { ComparedColumn } from './compare-column.ts';
import type { VectorDistance } from './feature-comparison.ts';
import type { QualityFault } from './quality-fault.ts';

/** A column of embeddings: evenly spaced rows of it, in their order, and how many it has. */
export interface VectorSide {
  readonly rows: number;
  readonly missing: number;
  readonly sample: readonly ArrayLike<number>[];
}

/** Vectors of a side that are compared. */
export const MOST_VECTORS = { reference: 2000, current: 1000 } as const;

const CHUNKS = 10;
const PERMUTATIONS = 2000;
const FEATURES = 256;
/** Columns that the classifier sees: of more components, evenly spaced ones. */
const MOST_COMPONENTS = 64;
/** Share of vectors with another length from which on the column is broken. */
const MOST_OTHERS = 0.01;

/**
 * Compares embeddings by MMD, with a permutation over both samples. Its limit is how far the reference's own chunks lie apart, beyond the
 * part of chance. A classifier on the components is the cross-check. Values that are no finite numbers count as missing.
 */
export function compareVectors(name: string, reference: VectorSide, current: VectorSide): ComparedColumn {
  const size = sizeOf(reference.sample);
  const [x, y] = [usable(reference.sample, size), usable(current.sample, size)];
  const distance = distanceOf(x, y);
  const [missing, now] = [missingOf(reference), missingOf(current)];
  return {
    name,
    kind: 'embedding',
    rows: { reference: reference.rows, current: current.rows },
    missing: { reference: missing, current: now },
    mean: { reference: null, current: null },
    effect: null,
    evidence:
      distance === null
        ? null
        : {
            test: 'mmd',
            statistic: distance.mmd,
            p: distance.p,
            dependentP: distance.p,
            adjustedP: distance.p,
            location: null,
            sign: null,
          },
    limit: null,
    values: null,
    outlier: null,
    approximate: false,
    vectors: distance,
    bins: {
      frozen: valueBins([]),
      reference: [reference.rows - missing, missing],
      current: [current.rows - now, now],
    },
  };
}

/** A length that changed: the vectors are those of another encoder. */
export function vectorFaults(name: string, reference: VectorSide, current: VectorSide): readonly QualityFault[] {
  const size = sizeOf(reference.sample);
  if (size === 0 || current.sample.length === 0) return [];
  const others = current.sample.filter(({ length }) => length !== size);
  if (others.length <= MOST_OTHERS * current.sample.length) return [];
  const share = others.length / current.sample.length;
  const rows = Math.round(share * (current.rows - current.missing));
  return [{ kind: 'type', columns: [name], text: `vectors of ${sizeOf(others)} numbers, were of ${size}`, rows }];
}

/** Rows and missing values of embeddings, as the faults of any column need them. */
export function sideOfVectors(side: VectorSide): ColumnSide {
  const missing = missingOf(side);
  return {
    type: 'text',
    rows: side.rows,
    missing,
    infinite: 0,
    mean: null,
    deviation: null,
    least: null,
    greatest: null,
    whole: false,
    distinct: side.rows - missing,
    distribution: null,
    values: null,
    offset: 0,
  };
}

/** Whether a column of lists holds embeddings: numbers, almost all of one length from 2 on. */
export function holdsVectors({ sample }: VectorSide): boolean {
  const size = sizeOf(sample);
  return size >= 2 && sample.filter(({ length }) => length === size).length >= (1 - MOST_OTHERS) * sample.length;
}

function distanceOf(x: readonly ArrayLike<number>[], y: readonly ArrayLike<number>[]): VectorDistance | null {
  const found = maximumMeanDiscrepancy(x, y, {
    seed: 1,
    permutations: PERMUTATIONS,
    features: FEATURES,
    parts: CHUNKS,
  });
  if (found === null) return null;
  const { statistic, p, parts } = found;
  return {
    components: x[0].length,
    compared: [x.length, y.length],
    mmd: statistic,
    p,
    ...limitOf(parts),
    domainAuc: aucOf(x, y),
  };
}

/** Mean + 3 sd of the chunks, less what chance alone adds to the variance of parts of their size. */
function limitOf({ statistics, noise }: { readonly statistics: readonly number[]; readonly noise: number }) {
  if (statistics.length === 0) return { limit: 0, chunks: 0 };
  const mean = statistics.reduce((sum, one) => sum + one, 0) / statistics.length;
  const variance = statistics.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (statistics.length - 1);
  return { limit: Math.max(0, mean) + 3 * Math.sqrt(Math.max(0, variance - noise ** 2)), chunks: statistics.length };
}

/** How well a classifier tells both apart by the deciles of their components. */
function aucOf(x: readonly ArrayLike<number>[], y: readonly ArrayLike<number>[]): number | null {
  const size = x[0].length;
  const step = Math.max(1, size / MOST_COMPONENTS);
  const columns: Uint8Array[] = [];
  for (let at = 0; at < size; at += step) {
    const i = Math.floor(at);
    const sorted = Float64Array.from(x, (row) => row[i]).sort();
    const edges = Array.from({ length: 9 }, (_, q) => quantileOfSorted(sorted, (q + 1) / 10));
    const bins = edgeBins(new Set(edges));
    columns.push(Uint8Array.from([...x, ...y], (row) => binOf(bins, row[i])));
  }
  const domain = Uint8Array.from({ length: x.length + y.length }, (_, r) => (r < x.length ? 0 : 1));
  return domainClassifier({ columns, ordered: columns.map(() => true), domain }, 1)?.auc ?? null;
}

/** The length of most vectors; 0: there is none. */
function sizeOf(sample: readonly ArrayLike<number>[]): number {
  const counts = new Map<number, number>();
  for (const { length } of sample) counts.set(length, (counts.get(length) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
}

function usable(sample: readonly ArrayLike<number>[], size: number): readonly ArrayLike<number>[] {
  return sample.filter((row) => row.length === size && holdsNumbers(row));
}

function holdsNumbers(row: ArrayLike<number>): boolean {
  for (let i = 0; i < row.length; i += 1) if (!Number.isFinite(row[i])) return false;
  return true;
}

/** Missing rows, and those of the sample that hold no finite numbers, as a share of all. */
function missingOf({ rows, missing, sample }: VectorSide): number {
  const broken = sample.filter((row) => !holdsNumbers(row)).length;
  return missing + Math.round((broken / Math.max(1, sample.length)) * (rows - missing));
}
