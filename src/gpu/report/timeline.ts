import { clipGaps } from '../analysis/gaps.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import type { Timeline } from '../diagnosis.ts';
import { clip, type Spans } from '../intervals.ts';

/** Cells of a step: more than a screen has pixels, so that a page can zoom into it. */
const CELLS = 20_000;

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
  const lane = (spans: Spans) => scaledBlocks(clip(spans, start, end), start, us, CELLS);
  return {
    name,
    us,
    lanes: [
      { name: 'computation', blocks: lane(busy.compute) },
      { name: 'communication', blocks: lane(busy.communication) },
      { name: 'copies', blocks: lane(busy.copy) },
      { name: 'idle, nothing submitted', blocks: scaledBlocks(host, start, us, CELLS) },
      { name: 'idle, work queued', blocks: scaledBlocks(queued, start, us, CELLS) },
    ],
  };
}

/**
 * Intervals as blocks of from and length, at most one per cell of the width: the intervals of a cell become one block of
 * their total length. So the blocks of a lane are as long as its intervals, and many short gaps keep their share of the
 * step.
 */
export function scaledBlocks(
  { starts, ends }: { readonly starts: ArrayLike<number>; readonly ends: ArrayLike<number> },
  origin: number,
  width: number,
  cells: number,
): readonly (readonly [number, number])[] {
  const cell = width / cells;
  const held = new Float64Array(cells);
  const firsts = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
  for (let index = 0; index < starts.length; index += 1) {
    const from = Math.max(starts[index] - origin, 0);
    const to = Math.min(ends[index] - origin, width);
    for (let at = Math.min(Math.floor(from / cell), cells - 1); at < cells && at * cell < to; at += 1) {
      const begin = Math.max(from, at * cell);
      const inside = Math.min(to, (at + 1) * cell) - begin;
      if (inside <= 0) continue;
      held[at] += inside;
      firsts[at] = Math.min(firsts[at], begin);
    }
  }
  const blocks: [number, number][] = [];
  for (let at = 0; at < cells; at += 1) {
    if (held[at] <= 0) continue;
    // Moved so that it fits into its cell.
    const from = Math.min(firsts[at], (at + 1) * cell - held[at]);
    const last = blocks.at(-1);
    if (last !== undefined && from - (last[0] + last[1]) < 1e-3 * cell) last[1] += held[at];
    else blocks.push([from, held[at]]);
  }
  return blocks.map(([from, us]) => [rounded(from), rounded(us)]);
}

function rounded(us: number): number {
  return Math.round(us * 1000) / 1000;
}
