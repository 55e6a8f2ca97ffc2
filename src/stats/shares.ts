/**
 * Counts as shares that sum to 1, `add` added to each count first and the sum taken after. Null where nothing is counted
 * or a count is negative or not finite.
 */
export function sharesOf(counts: ArrayLike<number>, add = 0): Float64Array | null {
  const shares = Float64Array.from(counts, (count) => count + add);
  const total = shares.reduce((sum, value) => sum + value, 0);
  if (!(total > 0 && Number.isFinite(total)) || shares.some((value) => value < 0)) return null;
  return shares.map((value) => value / total);
}
