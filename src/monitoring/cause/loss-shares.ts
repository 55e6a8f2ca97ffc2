import type { ColumnValues } from '../../ports/table-file.ts';
import { sideOfValues } from '../detect/column-side.ts';
import { kindOf } from '../detect/feature-kind.ts';
import { referenceBins } from '../detect/reference-bins.ts';
import { binOf, type FrozenBins } from '../profile/frozen-bins.ts';
import type { WindowRows } from './window-rows.ts';

/** The part of a feature in the change of the loss. */
export interface LossShare {
  readonly feature: string;
  /** How much lower the loss of the window is where the feature is weighted as it was in the reference. */
  readonly explained: number;
  /** As a share of the change; null: the loss did not change. */
  readonly share: number | null;
  /** Share of the reference's rows whose values the window lacks: nothing is known about them. */
  readonly lacking: number;
}

/** The change of the mean loss from a reference to a window, feature by feature. */
export interface LossChangeShares {
  readonly rows: { readonly reference: number; readonly current: number };
  readonly loss: { readonly reference: number; readonly current: number };
  /** The largest first. Features that move together share what they explain, so shares need not add up to 1. */
  readonly features: readonly LossShare[];
  /** The part that no single feature explains: the loss less the largest explained part, as a share. A new concept, where it is large. */
  readonly unexplained: number | null;
}

/** Labelled rows of each side below which nothing is said. */
const LEAST_ROWS = 100;

/**
 * Weights the rows of the window, for one feature at a time, so that the feature is distributed as in the reference (direct
 * standardisation over the reference's bins): Σ_b p(b)·mean loss of the window in b. The difference is the feature's
 * part. Null: a side has too few labelled rows.
 */
export function lossShares(reference: WindowRows, current: WindowRows): LossChangeShares | null {
  const [n, m] = [reference.losses.length, current.losses.length];
  if (n < LEAST_ROWS || m < LEAST_ROWS) return null;
  const loss = { reference: meanOf(reference.losses), current: meanOf(current.losses) };
  const change = loss.current - loss.reference;
  const features = [...reference.features].flatMap(([feature, values]): readonly LossShare[] => {
    const other = current.features.get(feature);
    if (other === undefined) return [];
    const side = sideOfValues(values);
    const kind = kindOf(side);
    if (kind === 'identifier') return [];
    const { weighted, lacking } = standardised(referenceBins(side, kind), values, other, current.losses);
    const explained = loss.current - weighted;
    return [{ feature, explained, share: change === 0 ? null : explained / change, lacking }];
  });
  features.sort((a, b) => Math.sign(change) * (b.explained - a.explained) || (a.feature < b.feature ? -1 : 1));
  const most = features[0]?.share ?? null;
  return {
    rows: { reference: n, current: m },
    loss,
    features,
    unexplained: change === 0 ? null : 1 - Math.min(1, Math.max(0, most ?? 0)),
  };
}

function standardised(
  bins: FrozenBins,
  reference: ColumnValues,
  current: ColumnValues,
  losses: Float64Array,
): { readonly weighted: number; readonly lacking: number } {
  const [p, n, sums] = [0, 1, 2].map(() => new Float64Array(bins.count + 1));
  for (let i = 0; i < reference.length; i += 1) p[binOf(bins, reference[i])] += 1;
  for (let i = 0; i < losses.length; i += 1) {
    const bin = binOf(bins, current[i]);
    n[bin] += 1;
    sums[bin] += losses[i];
  }
  let [weighted, known] = [0, 0];
  for (let bin = 0; bin < p.length; bin += 1) {
    if (n[bin] === 0) continue;
    weighted += p[bin] * (sums[bin] / n[bin]);
    known += p[bin];
  }
  // Rows of the reference without a like in the window take the mean of the others.
  return { weighted: known === 0 ? meanOf(losses) : weighted / known, lacking: 1 - known / reference.length };
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
