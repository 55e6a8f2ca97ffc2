/** An ascending copy of a sample; null when it is empty or has a NaN, of which no order statistic exists. */
export function sortedSample(values: ArrayLike<number>): Float64Array | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  return Number.isNaN(sorted[sorted.length - 1]) ? null : sorted;
}

/** The same, null as well where a value is infinite: moments and distances do not exist there. */
export function finiteSample(values: ArrayLike<number>): Float64Array | null {
  const sorted = sortedSample(values);
  if (sorted === null || !Number.isFinite(sorted[0]) || !Number.isFinite(sorted[sorted.length - 1])) return null;
  return sorted;
}
