/** The median: the middle value, or the mean of the two middle ones of an even number; NaN of nothing. */
export function medianOf(values: ArrayLike<number>): number {
  return medianInPlace(Float64Array.from(values));
}

/** The same of values that are not needed in their order any more. Hot path. */
export function medianInPlace(values: Float64Array): number {
  const sorted = values.sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
