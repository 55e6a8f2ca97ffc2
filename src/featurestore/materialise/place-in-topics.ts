import type { Position } from '../../ports/position.ts';

/**
 * Where to resume reading topics: a reader's last place, or the begin of records that were dropped meanwhile or never
 * read.
 */
export function placeInTopics(begins: Position, stood: Position | null): Position {
  return Object.fromEntries(
    Object.entries(begins).map(([topic, offsets]) => [
      topic,
      offsets.map((begin, partition) => Math.max(begin, stood?.[topic]?.[partition] ?? begin)),
    ]),
  );
}
