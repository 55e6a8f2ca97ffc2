/**
 * Bins that are frozen on the reference: they never move with a window, so windows compare. Numbers: interior edges,
 * open tails, bin = edges ≤ x. Values: one bin for each, one for unseen ones. One more bin for missing values, the last.
 */
export type FrozenBins =
  | { readonly kind: 'edges'; readonly edges: Float64Array; readonly count: number }
  | { readonly kind: 'values'; readonly values: ReadonlyMap<string, number>; readonly count: number };

export function edgeBins(edges: Iterable<number>): FrozenBins {
  const list = Float64Array.from(edges);
  return { kind: 'edges', edges: list, count: list.length + 1 };
}

/** The bins of values in their order, and one of unseen values after them. */
export function valueBins(values: Iterable<string>): FrozenBins {
  const map = new Map<string, number>();
  for (const value of values) map.set(value, map.size);
  return { kind: 'values', values: map, count: map.size + 1 };
}

/** The bin of a value; `count` for a missing one. Hot path. */
export function binOf(bins: FrozenBins, value: number | string | null): number {
  if (value === null || Number.isNaN(value)) return bins.count;
  if (bins.kind === 'values') return bins.values.get(String(value)) ?? bins.values.size;
  const { edges } = bins;
  const number = Number(value);
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle] <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function sameBins(a: FrozenBins | null, b: FrozenBins | null): boolean {
  if (a === null || b === null) return a === b;
  if (a === b) return true;
  if (a.kind === 'edges')
    return b.kind === 'edges' && a.count === b.count && a.edges.every((edge, i) => edge === b.edges[i]);
  return b.kind === 'values' && a.count === b.count && [...a.values].every(([value, at]) => b.values.get(value) === at);
}
