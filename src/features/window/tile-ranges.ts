import { floorTo } from '../../base/time.ts';
import { MAX_TS, START, type TileLayout } from '../tile/tile-layout.ts';
import { lowerBound, type TileRun } from '../tile/tile-run.ts';

/** Starts in [from, to). */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const NO_RUNS: readonly TileRun[] = [];

/**
 * The tiles of a key that cover a span of time: whole tiles of the largest hops in the middle, smaller ones at the left
 * edge, and at the right edge the largest tile around the instant that has seen no event at or after it. Hot path: the
 * ranges of one span at a time, in reused memory.
 */
export class TileRanges {
  /** Of the current span: hop, first and last tile index (exclusive), by threes; ascending in time. */
  readonly ranges: number[] = [];
  /** Numbers of `ranges` that count. */
  end = 0;
  readonly #layout: TileLayout;
  readonly #hops: readonly number[];
  readonly #top: number;
  /** The start of the tile at the right edge: where the whole tiles of every span end, except of one that begins later. */
  headStart = 0;
  #head = 0;
  #q = 0;
  /** Spans are noted here, by hop, in place of ranges of tiles. */
  #noted: Span[][] | null = null;

  constructor(layout: TileLayout) {
    this.#layout = layout;
    this.#hops = layout.view.hopsMs;
    this.#top = this.#hops.length - 1;
  }

  /**
   * Chooses the tile at the right edge of all spans up to `q`. Gives q, or where even the smallest tile around it has seen
   * events at or after it, the first instant that it can answer.
   */
  choose(runs: readonly TileRun[], q: number): number {
    let ahead = q;
    for (let hop = this.#top; hop >= 0; hop -= 1) {
      const start = floorTo(q, this.#hops[hop]);
      const latest = start === q ? Number.NEGATIVE_INFINITY : this.#latestOf(runs[hop], start);
      if (latest < q) {
        this.#head = hop;
        this.headStart = start;
        this.#q = q;
        return q;
      }
      ahead = latest + 1;
    }
    return ahead;
  }

  /** Whether the chosen tile at the right edge is one of the largest hop. */
  get isLargest(): boolean {
    return this.#head === this.#top;
  }

  /**
   * By hop, ascending and apart, the starts of the tiles that spans from each of `froms` up to `q` are covered by: where the largest tile
   * around q has seen nothing at or after it, or whatever the tiles have seen. The tiles around q that decide it are among them.
   */
  startsFor(q: number, froms: readonly number[], heads: 'largest' | 'any'): readonly (readonly Span[])[] {
    const noted: Span[][] = this.#hops.map(() => []);
    this.#noted = noted;
    this.#q = q;
    const smallest = heads === 'any' ? 0 : this.#top;
    for (let head = this.#top; head >= smallest; head -= 1) {
      this.#head = head;
      this.headStart = floorTo(q, this.#hops[head]);
      this.#add(NO_RUNS, head, this.headStart, this.headStart + 1);
      for (const from of froms) {
        this.coverBody(NO_RUNS, from);
        this.coverHead(NO_RUNS, from);
      }
    }
    this.#noted = null;
    return noted.map(joined);
  }

  /** Whether the tiles of a hop have an event at or after `q`. */
  hasAhead({ nums, length }: TileRun, q: number): boolean {
    return length > 0 && nums[(length - 1) * this.#layout.numbers + MAX_TS] >= q;
  }

  /** Covers [from, headStart) by whole tiles; `from` is a multiple of a hop, or -Infinity. */
  coverBody(runs: readonly TileRun[], from: number): void {
    this.end = 0;
    if (from < this.headStart) this.#coverWhole(runs, from, this.headStart);
  }

  /** Covers [max(from, headStart), q): the tile at the right edge, or smaller ones where the span begins within it. */
  coverHead(runs: readonly TileRun[], from: number): void {
    this.end = 0;
    let head = this.#head;
    let to = this.headStart;
    while (head > 0 && to < from) {
      head -= 1;
      to = floorTo(this.#q, this.#hops[head]);
    }
    if (from < to && to > this.headStart) this.#coverWhole(runs, from, to);
    if (to < this.#q) this.#add(runs, head, to, to + 1);
  }

  /** The latest instant that the covered tiles have seen; -Infinity where there are none. */
  latest(runs: readonly TileRun[]): number {
    const stride = this.#layout.numbers;
    let latest = Number.NEGATIVE_INFINITY;
    for (let r = 0; r < this.end; r += 3) {
      const { nums } = runs[this.ranges[r]];
      for (let i = this.ranges[r + 1]; i < this.ranges[r + 2]; i += 1)
        latest = Math.max(latest, nums[i * stride + MAX_TS]);
    }
    return latest;
  }

  /** Whole tiles of [from, to): up through the hops as far as a larger tile fits in, and down again. */
  #coverWhole(runs: readonly TileRun[], from: number, to: number): void {
    const hops = this.#hops;
    let hop = 0;
    let at = from;
    if (from === Number.NEGATIVE_INFINITY) hop = this.#top;
    else {
      while (hop < this.#top) {
        const size = hops[hop + 1];
        const first = Math.ceil(at / size) * size;
        if (floorTo(to, size) <= first) break;
        if (at < first) this.#add(runs, hop, at, first);
        at = first;
        hop += 1;
      }
    }
    for (; hop >= 0 && at < to; hop -= 1) {
      const end = floorTo(to, hops[hop]);
      if (at < end) this.#add(runs, hop, at, end);
      at = Math.max(at, end);
    }
  }

  #add(runs: readonly TileRun[], hop: number, from: number, to: number): void {
    if (this.#noted !== null) {
      this.#noted[hop].push({ from, to });
      return;
    }
    const run = runs[hop];
    const first = from === Number.NEGATIVE_INFINITY ? 0 : lowerBound(run, this.#layout, from);
    const end = lowerBound(run, this.#layout, to);
    if (first >= end) return;
    const { ranges } = this;
    ranges[this.end] = hop;
    ranges[this.end + 1] = first;
    ranges[this.end + 2] = end;
    this.end += 3;
  }

  /** The latest event of the tile at `start`; -Infinity where there is none. */
  #latestOf(run: TileRun, start: number): number {
    const stride = this.#layout.numbers;
    const last = (run.length - 1) * stride;
    if (last < 0 || run.nums[last + START] < start) return Number.NEGATIVE_INFINITY;
    const at = run.nums[last + START] === start ? last : lowerBound(run, this.#layout, start) * stride;
    return run.nums[at + START] === start ? run.nums[at + MAX_TS] : Number.NEGATIVE_INFINITY;
  }
}

/** The same starts in spans that ascend and do not meet. */
function joined(spans: readonly Span[]): readonly Span[] {
  const apart: Span[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last === undefined || from > last.to) apart.push({ from, to });
    else if (to > last.to) apart[apart.length - 1] = { from: last.from, to };
  }
  return apart;
}
