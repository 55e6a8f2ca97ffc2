import { firstAbove, sortedOrder } from '../intervals.ts';
import type { Trace } from '../trace/trace.ts';
import type { Launches } from './launches.ts';

/** Sizes of gaps: up to 30 µs, up to 1 ms, more. */
export const gapSizes = ['≤ 30 µs', '30 µs – 1 ms', '> 1 ms'] as const;
export type GapSize = (typeof gapSizes)[number];

function gapSizeOf(us: number): GapSize {
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

const MOST_EVENTS = 50_000;

/**
 * Finds the gaps of one device in any window, without keeping them: a trace of a gigabyte has millions. A gap is given whole,
 * also where it is longer than the window.
 */
export class GapFinder {
  readonly #trace: Trace;
  readonly #launches: Launches;
  /** Start times in order, and the rows that have them. */
  readonly #starts: Float64Array;
  readonly #rows: Int32Array;
  /** Up to each event: the latest end so far, and the row that ends then. */
  readonly #until: Float64Array;
  readonly #last: Int32Array;
  readonly #window: { readonly start: number; readonly end: number } | undefined;

  /** With a window, the time before the first event and after the last is a gap too. */
  constructor(
    trace: Trace,
    rows: ArrayLike<number>,
    launches: Launches,
    window?: { readonly start: number; readonly end: number },
  ) {
    const { gpu } = trace;
    const count = rows.length;
    const starts = new Float64Array(count);
    for (let index = 0; index < count; index += 1) starts[index] = gpu.ts[rows[index]];
    const order = sortedOrder(starts);
    this.#rows = new Int32Array(count);
    this.#starts = new Float64Array(count);
    for (let index = 0; index < count; index += 1) {
      this.#rows[index] = rows[order[index]];
      this.#starts[index] = starts[order[index]];
    }
    this.#trace = trace;
    this.#launches = launches;
    this.#window = window;
    this.#until = new Float64Array(this.#rows.length);
    this.#last = new Int32Array(this.#rows.length);
    let until = window?.start ?? Number.NEGATIVE_INFINITY;
    let last = -1;
    for (let index = 0; index < count; index += 1) {
      const row = this.#rows[index];
      const end = gpu.ts[row] + gpu.dur[row];
      if (end > until) {
        until = end;
        last = row;
      }
      this.#until[index] = until;
      this.#last[index] = last;
    }
  }

  /** The gaps that overlap the time from `start` to `end`, in order. */
  between(start = Number.NEGATIVE_INFINITY, end = Number.POSITIVE_INFINITY): readonly Gap[] {
    const gaps: Gap[] = [];
    const count = this.#rows.length;
    for (let index = firstAbove(this.#starts, start); index < count; index += 1) {
      const from = index === 0 ? (this.#window?.start ?? this.#starts[0]) : this.#until[index - 1];
      if (from >= end) return gaps;
      if (this.#starts[index] > from) gaps.push(this.#gapBefore(index, from));
    }
    const until = count === 0 ? Number.NEGATIVE_INFINITY : this.#until[count - 1];
    if (this.#window !== undefined && this.#window.end > until && until < end) gaps.push(this.#tail(until));
    return gaps;
  }

  /** Parts of a window that cut no gap, each with at most this many GPU events: a window without steps may have millions. */
  *parts(start: number, end: number): Iterable<{ readonly start: number; readonly end: number }> {
    let from = start;
    for (let index = firstAbove(this.#starts, start) + MOST_EVENTS; index < this.#rows.length; index += MOST_EVENTS) {
      const to = this.#starts[index];
      if (to >= end) break;
      if (to <= from) continue;
      yield { start: from, end: to };
      from = to;
    }
    yield { start: from, end };
  }

  #gapBefore(index: number, start: number): Gap {
    const { host } = this.#trace;
    const next = this.#rows[index];
    const end = this.#starts[index];
    const launch = this.#launches.ofGpu[next];
    const known = launch >= 0;
    const launched = known ? host.ts[launch] + host.dur[launch] : end;
    const split = Math.min(Math.max(launched, start), end);
    return { start, end, split, known, next, launch, previous: index === 0 ? -1 : this.#last[index - 1] };
  }

  #tail(start: number): Gap {
    const end = this.#window?.end ?? start;
    return { start, end, split: end, known: false, next: -1, launch: -1, previous: this.#last[this.#last.length - 1] };
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

/** Adds up gap time by size. */
export class GapSums {
  readonly #sums = new Map<GapSize, { count: number; us: number; hostUs: number; queuedUs: number; unknownUs: number }>(
    gapSizes.map((size) => [size, { count: 0, us: 0, hostUs: 0, queuedUs: 0, unknownUs: 0 }]),
  );

  add({ size, start, end, hostUs, queuedUs }: GapPiece): void {
    const sum = this.#sums.get(size);
    if (sum === undefined) return;
    sum.count += 1;
    sum.us += end - start;
    sum.hostUs += hostUs;
    sum.queuedUs += queuedUs;
    sum.unknownUs += end - start - hostUs - queuedUs;
  }

  sums(): Readonly<Record<GapSize, GapSum>> {
    return Object.fromEntries(this.#sums) as Record<GapSize, GapSum>;
  }
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
  for (const gap of gaps) {
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
