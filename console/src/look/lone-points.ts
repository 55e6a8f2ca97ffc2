/** Indexes of values whose neighbours are missing: a line through them draws nothing, so they are drawn as points. */
export function lonePoints(values: ArrayLike<number | null | undefined>): number[] {
  const isMissing = (i: number) => i < 0 || i >= values.length || (values[i] ?? null) === null;
  return Array.from(values, (_, i) => i).filter((i) => !isMissing(i) && isMissing(i - 1) && isMissing(i + 1));
}
