import { edgeBins, type FrozenBins, valueBins } from '../profile/frozen-bins.ts';
import type { ColumnSide } from './column-side.ts';
import { type Distribution, quantileOf } from './distribution.ts';
import type { FeatureKind } from './feature-kind.ts';

/** Values of a column with many that get their own bin; rarer ones share the bin of unseen values. */
const MOST_VALUE_BINS = 30;
/** A count of which a chance excess is too small to look like drift. */
const SURE_COUNT = 1000;

/** The bins of a column, from its reference: at most ten of numbers, between its deciles. */
export function referenceBins(reference: ColumnSide, kind: FeatureKind): FrozenBins {
  if (kind === 'number' && reference.distribution !== null) return edgeBins(decileEdges(reference.distribution));
  const values = [...(reference.values ?? [])].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const chosen = kind === 'manyValues' ? frequentValues(values, reference.offset) : values;
  return valueBins(chosen.map(([value]) => value));
}

/**
 * The values that are surely more frequent than the first without a bin. Those that only happened to come often would come less often
 * in any other rows, which would look like drift.
 */
function frequentValues(sorted: readonly (readonly [string, number])[], offset: number) {
  const next = (sorted[MOST_VALUE_BINS]?.[1] ?? 0) + offset;
  return sorted
    .slice(0, MOST_VALUE_BINS)
    .filter(([, count]) => count >= SURE_COUNT || count - 3 * Math.sqrt(count) >= next);
}

/** Interior deciles without repeats. */
function decileEdges(distribution: Distribution): readonly number[] {
  const edges: number[] = [];
  for (let i = 1; i < 10; i += 1) {
    const edge = quantileOf(distribution, i / 10);
    if (edge !== null && (edges.length === 0 || edge > edges[edges.length - 1])) edges.push(edge);
  }
  return edges;
}

/** Counts over bins from one side's facts: of values, or of a distribution. The last is of missing values. */
export function countsOver(side: ColumnSide, bins: FrozenBins): Float64Array {
  const counts = new Float64Array(bins.count + 1);
  counts[bins.count] = side.missing;
  if (bins.kind === 'edges' && side.distribution !== null) {
    const { values, upTo } = side.distribution;
    let before = 0;
    let i = 0;
    for (let bin = 0; bin < bins.count; bin += 1) {
      while (i < values.length && (bin === bins.count - 1 || values[i] < bins.edges[bin])) i += 1;
      const until = i === 0 ? 0 : upTo[i - 1];
      counts[bin] = until - before;
      before = until;
    }
    counts[bins.count - 1] += side.infinite;
    return counts;
  }
  const filled = side.rows - side.missing;
  let placed = 0;
  if (bins.kind === 'values')
    for (const [value, at] of bins.values) {
      counts[at] = side.values?.get(value) ?? 0;
      placed += counts[at];
    }
  counts[bins.count - 1] += Math.max(0, filled - placed);
  return counts;
}
