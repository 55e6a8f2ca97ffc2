import { isHeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import { clockOf } from './log-clock.ts';

/** How far the log of a source is known. */
export interface KnownSource {
  readonly source: EventSourceData;
  /** By partition, the next offset; Infinity: everything there is. */
  readonly next: readonly number[];
  readonly lastIngestTs: readonly number[];
}

/** The events up to here are in the tiles. */
export interface TileProgress {
  /** Events that arrived before this instant are in the tiles, epoch ms. */
  readonly freshUntil: number;
  /** By source, an ingest time before which no event is missing in the tiles; -Infinity where that is not known. */
  readonly clocks: ReadonlyMap<string, number>;
  /** By source, the offsets up to which the engine has the log. */
  readonly done: ReadonlyMap<string, readonly number[]>;
}

/**
 * Asks an engine how far it has read the log. Nothing before `followedUntil` is missing in `known`. The answer covers
 * tiles that are read from its topics, to their ends, after the call.
 */
export async function engineProgress(
  log: EventLog,
  engine: string,
  known: readonly KnownSource[],
  followedUntil: number,
): Promise<TileProgress> {
  let freshUntil = followedUntil;
  const clocks = new Map<string, number>();
  const done = new Map<string, readonly number[]>();
  for (const { source, next, lastIngestTs } of known) {
    const committed = await log.committed(engine, topicOf(source));
    const times = await Promise.all(
      next.map((end, partition) => missingFrom(log, source, partition, committed?.[partition] ?? 0, end)),
    );
    freshUntil = Math.min(freshUntil, ...times);
    clocks.set(source.name, clockOf(lastIngestTs.map((time, partition) => Math.min(time, times[partition]))));
    if (committed !== null) done.set(source.name, committed);
  }
  return { freshUntil, clocks, done };
}

/** The ingest time of the first event that the engine may lack; Infinity where it lacks none before `end`. */
async function missingFrom(
  log: EventLog,
  source: EventSourceData,
  partition: number,
  done: number,
  end: number,
): Promise<number> {
  if (done >= end) return Number.POSITIVE_INFINITY;
  const topic = topicOf(source);
  try {
    const { records } = await log.read(topic, partition, done, 1);
    return records[0]?.ingestTs ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    if (!isHeadraceError(error, 'LOG_TRIMMED')) throw error;
    // It says nothing of a partition that has had nothing since the log was trimmed.
    const { begin, end: last } = (await log.ends(topic))[partition];
    return begin >= Math.min(end, last) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }
}
