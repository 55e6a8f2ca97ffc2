import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { SourceJudge } from './source-judge.ts';
import type { TileIntake } from './tile-intake.ts';

/** The smallest time of a partition that has any; -Infinity where none has. */
export function clockOf(lastIngestTs: readonly number[]): number {
  let clock = Number.POSITIVE_INFINITY;
  for (const time of lastIngestTs) if (time !== Number.NEGATIVE_INFINITY && time < clock) clock = time;
  return clock === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : clock;
}

/** The slowest log clock of the sources that have views: events stamped before it are in the tiles, made here or by another engine. */
export function tilesClock(
  layouts: readonly TileLayout[],
  judge: Pick<SourceJudge, 'clockOf'>,
  intake: Pick<TileIntake, 'progress'> | null,
): number {
  const clocks = layouts.map(({ view: { source } }) =>
    intake === null ? judge.clockOf(source) : (intake.progress.clocks.get(source.name) ?? Number.NEGATIVE_INFINITY),
  );
  return Math.min(...clocks);
}
