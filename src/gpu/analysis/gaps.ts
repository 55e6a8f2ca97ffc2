import { sortedOrder } from '../intervals.ts';
import type { Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';

/** Sizes of gaps: up to 30 µs, up to 1 ms, more. */
export const gapSizes = ['≤ 30 µs', '30 µs – 1 ms', '> 1 ms'] as const;
export type GapSize = (typeof gapSizes)[number];

export function gapSizeOf(us: number): GapSize {
  return us <= 30 ? '≤ 30 µs' : us <= 1000 ? '30 µs – 1 ms' : '> 1 ms';
}

/**
 * Time without any GPU event on the device, from `start` to `end`. Up to `split` nothing had been submitted (the host
 * part); from there on work waited to start (the queued part). Without a launch in the trace the parts are not known.
 */
export interface Gap {
  readonly start: number;
  readonly end: number;
  readonly split: number;
  readonly known: boolean;
  /** The GPU event that ends the gap and its launching call; -1 at the tail. */
  readonly next: number;
  readonly launch: number;
  /** The GPU event that ended last before the gap; -1 at the head. */
  readonly previous: number;
}

/** The gaps between GPU events of `rows` (one device), and those at head and tail of the window if one is given. */
export function findGaps(
  { gpu, host }: Trace,
  rows: ArrayLike<number>,
  { ofGpu }: Launches,
  window?: { readonly start: number; readonly end: number },
): readonly Gap[] {
  const starts = Float64Array.from({ length: rows.length }, (_, index) => gpu.ts[rows[index]]);
  const order = sortedOrder(starts);
  const gaps: Gap[] = [];
  let until = window?.start ?? Number.NEGATIVE_INFINITY;
  let previous = -1;
  for (const index of order) {
    const row = rows[index];
    const start = gpu.ts[row];
    if (start > until && until !== Number.NEGATIVE_INFINITY) gaps.push(gapBefore(row, until, start, previous));
    const end = start + gpu.dur[row];
    if (end > until) {
      until = end;
      previous = row;
    }
  }
  if (window !== undefined && window.end > until)
    gaps.push({ start: until, end: window.end, split: window.end, known: false, next: -1, launch: -1, previous });
  return gaps;

  function gapBefore(row: number, start: number, end: number, before: number): Gap {
    const launch = ofGpu[row];
    const known = launch >= 0;
    const launched = known ? host.ts[launch] + host.dur[launch] : end;
    const split = Math.min(Math.max(launched, start), end);
    return { start, end, split, known, next: row, launch, previous: before };
  }
}

/** Gap time of one size. Microseconds. */
export interface GapSum {
  readonly count: number;
  readonly us: number;
  readonly hostUs: number;
  readonly queuedUs: number;
  readonly unknownUs: number;
}

/** The gaps by size. */
export function sumGaps(gaps: readonly Gap[]): Readonly<Record<GapSize, GapSum>> {
  const sums = Object.fromEntries(
    gapSizes.map((size) => [size, { count: 0, us: 0, hostUs: 0, queuedUs: 0, unknownUs: 0 }]),
  ) as Record<GapSize, { count: number; us: number; hostUs: number; queuedUs: number; unknownUs: number }>;
  for (const { start, end, split, known } of gaps) {
    const sum = sums[gapSizeOf(end - start)];
    sum.count += 1;
    sum.us += end - start;
    if (!known) sum.unknownUs += end - start;
    else {
      sum.hostUs += split - start;
      sum.queuedUs += end - split;
    }
  }
  return sums;
}

/** The parts of gaps inside a window; the size of a gap stays that of the whole. */
export interface GapPiece {
  readonly gap: Gap;
  readonly size: GapSize;
  readonly start: number;
  readonly end: number;
  readonly hostUs: number;
  readonly queuedUs: number;
}

/** Cuts gaps to a window; what is not known counts as host part only at the tail. */
export function clipGaps(gaps: readonly Gap[], start: number, end: number): readonly GapPiece[] {
  const pieces: GapPiece[] = [];
  for (let index = firstEndingAfter(gaps, start); index < gaps.length && gaps[index].start < end; index += 1) {
    const gap = gaps[index];
    const from = Math.max(gap.start, start);
    const to = Math.min(gap.end, end);
    if (to <= from) continue;
    const split = Math.min(Math.max(gap.split, from), to);
    const known = gap.known || gap.next === -1;
    const hostUs = known ? split - from : 0;
    const queuedUs = known ? to - split : 0;
    pieces.push({ gap, size: gapSizeOf(gap.end - gap.start), start: from, end: to, hostUs, queuedUs });
  }
  return pieces;
}

/** Gaps are sorted and disjoint: the first that ends after a time. */
function firstEndingAfter(gaps: readonly Gap[], time: number): number {
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle].end > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
