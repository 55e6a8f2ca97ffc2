/** A part of a partition that one version scores. */
export interface Stretch {
  readonly partition: number;
  readonly from: number;
  /** Exclusive; null: until the end of the partition. */
  readonly to: number | null;
  readonly version: number;
  /** Records of it that are scored. */
  readonly scored: number;
  readonly isNow: boolean;
}

interface Partition {
  /** Offsets below it are scored. */
  readonly next: number;
  readonly intervals: readonly { readonly from: number; readonly version: number }[];
}

/** Which version scores which offsets of each partition, in order. */
export function versionMap(partitions: readonly Partition[]): readonly Stretch[] {
  return partitions.flatMap(({ next, intervals }, partition) =>
    intervals.map(({ from, version }, i): Stretch => {
      const to = intervals[i + 1]?.from ?? null;
      const scored = Math.max(0, Math.min(next, to ?? next) - from);
      return { partition, from, to, version, scored, isNow: next >= from && (to === null || next < to) };
    }),
  );
}
