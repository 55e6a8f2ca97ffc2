import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';
import type { ColumnSide } from './column-side.ts';
import type { Distribution } from './distribution.ts';
import { kindOf } from './feature-kind.ts';
import type { MatchedColumn } from './seasonal-counts.ts';

/**
 * The side of a reference whose rows are matched by their hours. Counts, missing values and moments are those of the matched rows.
 * Kind, extremes and known values are those of every row.
 */
export function matchedSide(whole: ColumnSide, bins: FrozenBins, matched: MatchedColumn): ColumnSide {
  const { counts, mean, deviation } = matched;
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const share = rows / Math.max(1, whole.rows);
  return {
    ...whole,
    kind: kindOf(whole),
    rows,
    missing: counts[bins.count],
    infinite: whole.infinite * share,
    mean,
    deviation,
    distribution: whole.distribution === null ? null : reweighted(whole.distribution, bins, counts),
  };
}

/** A distribution whose bins have other counts: within a bin it is as before. */
function reweighted(whole: Distribution, bins: FrozenBins, counts: Float64Array): Distribution {
  const { values, upTo, rankError } = whole;
  const held = new Float64Array(bins.count + 1);
  const masses = Float64Array.from(upTo, (until, i) => until - (upTo[i - 1] ?? 0));
  for (let i = 0; i < values.length; i += 1) held[binOf(bins, values[i])] += masses[i];
  const weighted = new Float64Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i += 1) {
    const bin = binOf(bins, values[i]);
    n += (masses[i] * counts[bin]) / held[bin];
    weighted[i] = n;
  }
  return { values, upTo: weighted, n, rankError };
}
