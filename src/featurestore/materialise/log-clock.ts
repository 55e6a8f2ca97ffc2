/** The smallest time of a partition that has any; -Infinity where none has. */
export function clockOf(lastIngestTs: readonly number[]): number {
  let clock = Number.POSITIVE_INFINITY;
  for (const time of lastIngestTs) if (time !== Number.NEGATIVE_INFINITY && time < clock) clock = time;
  return clock === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : clock;
}
