import type { Position } from '../../ports/position.ts';

/** Where to read topics on: where a reader stood, and the begin of what has been dropped meanwhile or was never read. */
export function placeInTopics(begins: Position, stood: Position | null): Position {
  return Object.fromEntries(
    Object.entries(begins).map(([topic, offsets]) => [
      topic,
      offsets.map((begin, partition) => Math.max(begin, stood?.[topic]?.[partition] ?? begin)),
    ]),
  );
}
