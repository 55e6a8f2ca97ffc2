/** Below this many chunks the spread is a guess. */
export const LEAST_CHUNKS = 6;

export interface ChunkLimits {
  readonly lower: number;
  readonly upper: number;
}

/** Mean ± 3 population sd of a metric over the reference's chunks, within the metric's range; null without two chunks. */
export function chunkLimits(values: readonly (number | null)[], least: number, most: number): ChunkLimits | null {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const spread = Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length);
  return { lower: Math.max(least, mean - 3 * spread), upper: Math.min(most, mean + 3 * spread) };
}
