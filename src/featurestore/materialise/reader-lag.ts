import type { EventLog } from '../../ports/event-log.ts';
import type { Position } from '../../ports/position.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { SourceState } from './source-judge.ts';
import type { TileIntake } from './tile-intake.ts';

/** The readers of a topic, each up to another place. */
export type LogReader =
  /** This process's answers. */
  | 'applied'
  /** The content of its store, where a restart resumes. */
  | 'committed'
  /** Records taken for the history, where others write the tiles of a store. */
  | 'archived'
  /** Records that the processes that make the tiles have put into them. */
  | 'tiles'
  /** Records that another engine has made tiles of, as of its last checkpoint. */
  | 'engine';

/** How far a reader is behind the end of a topic that others write. */
export interface ReaderLag {
  readonly topic: string;
  readonly reader: LogReader;
  /** Records by partition. */
  readonly behind: readonly number[];
}

/**
 * Records between a reader's place and the end of a topic; a partition without a reported place counts from its first
 * record.
 */
export function readerLag(
  topic: string,
  reader: LogReader,
  ends: readonly number[],
  stands: readonly number[] = [],
): ReaderLag {
  return { topic, reader, behind: ends.map((end, partition) => Math.max(0, end - (stands[partition] ?? 0))) };
}

/** How far the readers of the log's topics are behind; empty for a log that only this process appends to. */
export function logLag(
  log: EventLog,
  sources: Iterable<SourceState>,
  intake: Pick<TileIntake, 'engineStands'> | null,
  committed: Position,
): readonly ReaderLag[] {
  return [...sources].flatMap(({ source, next, hasViews }) => {
    const topic = topicOf(source);
    const ends = log.knownEnds?.(topic);
    if (ends === undefined) return [];
    const own = [readerLag(topic, 'applied', ends, next), readerLag(topic, 'committed', ends, committed[topic])];
    const elsewhere = intake === null || !hasViews ? null : intake.engineStands.get(source.name);
    return elsewhere === null ? own : [...own, readerLag(topic, 'engine', ends, elsewhere)];
  });
}

/** How far the processes that make the tiles are behind, by the places of their shares; empty where there are none. */
export function sharesLag(
  log: EventLog,
  sources: Iterable<SourceState>,
  places: readonly (SharePlace | null)[],
): readonly ReaderLag[] {
  if (places.length === 0) return [];
  return [...sources].flatMap(({ source, hasViews }) => {
    const topic = topicOf(source);
    const ends = log.knownEnds?.(topic);
    if (ends === undefined || !hasViews) return [];
    const stands = places.map((place) => place?.[topic] ?? 0);
    return [readerLag(topic, 'tiles', ends, stands)];
  });
}
