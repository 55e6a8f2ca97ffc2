import type { EventSourceData } from '../define/declaration.ts';

/**
 * The log clock of a source: the smallest last ingest time of its partitions (-Infinity for one that has none yet). As
 * ingest times do not decrease within a partition, no delivery to come is stamped before it.
 */
export function logClock(lastIngestTs: readonly number[]): number {
  return lastIngestTs.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...lastIngestTs);
}

/**
 * Whether a tile is closed: every event of it that is still to come would be late, so that it can no longer change. Its
 * last event time is `start + hop − 1`, and equality with the lateness is accepted.
 */
export function isClosed(source: EventSourceData, start: number, hopMs: number, clock: number): boolean {
  return start + hopMs + source.latenessMs <= clock;
}
