import type { Comparison } from '../detect/comparison.ts';
import type { FrozenBins } from '../profile/frozen-bins.ts';

/** A comparison as JSON text: infinities and bins in forms that JSON has. */
export function comparisonJson(comparison: Comparison): string {
  return JSON.stringify(plainComparison(comparison));
}

/** A comparison in forms that JSON has. */
export function plainComparison(comparison: Comparison): object {
  const features = comparison.features.map(({ bins, ...feature }) => ({
    ...feature,
    bins: { ...bins, frozen: plainBins(bins.frozen) },
  }));
  return { ...comparison, features };
}

function plainBins(bins: FrozenBins): object {
  return bins.kind === 'edges'
    ? { kind: 'edges', edges: [...bins.edges] }
    : { kind: 'values', values: [...bins.values.keys()] };
}
