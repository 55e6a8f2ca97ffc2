import { clipGaps } from '../analysis/gaps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import type { Timeline } from '../diagnosis.ts';
import { clip, type Spans } from '../intervals.ts';

/** Blocks closer than this share of the step are drawn as one. */
const PIXEL = 1 / 1600;

/** The typical step as lanes of blocks. */
export function timelineOf({ typical, busy, gaps }: TraceFacts): Timeline {
  const { start, end, name } = typical;
  const us = end - start;
  const host = { starts: [] as number[], ends: [] as number[] };
  const queued = { starts: [] as number[], ends: [] as number[] };
  for (const part of gaps.parts(start, end))
    for (const piece of clipGaps(gaps.between(part.start, part.end), part.start, part.end)) {
      host.starts.push(piece.start);
      host.ends.push(piece.start + piece.hostUs);
      queued.starts.push(piece.end - piece.queuedUs);
      queued.ends.push(piece.end);
    }
  const lane = (spans: Spans) => merged(clip(spans, start, end), start, us * PIXEL);
  return {
    name,
    us,
    lanes: [
      { name: 'computation', blocks: lane(busy.compute) },
      { name: 'communication', blocks: lane(busy.communication) },
      { name: 'copies', blocks: lane(busy.copy) },
      { name: 'idle, nothing submitted', blocks: merged(host, start, us * PIXEL) },
      { name: 'idle, work queued', blocks: merged(queued, start, us * PIXEL) },
    ],
  };
}

function merged(
  { starts, ends }: { readonly starts: ArrayLike<number>; readonly ends: ArrayLike<number> },
  origin: number,
  least: number,
): readonly (readonly [number, number])[] {
  const blocks: [number, number][] = [];
  for (let index = 0; index < starts.length; index += 1) {
    if (ends[index] <= starts[index]) continue;
    const from = starts[index] - origin;
    const last = blocks.at(-1);
    if (last !== undefined && from - (last[0] + last[1]) < least) last[1] = ends[index] - origin - last[0];
    else blocks.push([from, ends[index] - starts[index]]);
  }
  return blocks.map(([from, us]) => [Math.round(from * 10) / 10, Math.round(us * 10) / 10]);
}
