import { floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import type { Aggregate } from '../aggregate/aggregate.ts';
import type { StreamViewData } from '../define/declaration.ts';
import type { Cells } from '../tile/cells.ts';
import { COUNT, MAX_TS, START, type TileLayout } from '../tile/tile-layout.ts';
import { lowerBound, type TileRun } from '../tile/tile-run.ts';
import { tileHorizonMs } from './tile-horizon.ts';

/** One window of a view: its length (null: all events), the hop its tail is rounded to, the features it answers. */
export interface ViewWindow {
  readonly windowMs: number | null;
  readonly hopMs: number;
  /** Indexes into the view's features. */
  readonly features: readonly number[];
}

/** The distinct windows of a view, in the order of its features. */
export function windowsOf(view: StreamViewData): readonly ViewWindow[] {
  const windows = new Map<string, { windowMs: number | null; hopMs: number; features: number[] }>();
  view.features.forEach(({ windowMs, hopMs }, index) => {
    const name = `${windowMs}/${hopMs}`;
    const window = windows.get(name) ?? { windowMs, hopMs, features: [] };
    window.features.push(index);
    windows.set(name, window);
  });
  return [...windows.values()];
}

/** Which tiles of a hop an instant needs: starts in [from, to). */
export interface TileSpan {
  readonly hopMs: number;
  readonly from: number;
  readonly to: number;
}

/** One answer of a window: the aggregate, where its partial lies in a tile, and the feature it is. */
interface Answer {
  readonly aggregate: Aggregate;
  readonly num: number;
  readonly obj: number;
  readonly feature: number;
}

/**
 * Answers all features of a view for one key. A window W with hop h at instant q covers the events with
 * `floor(q − W, h) <= ts < q`: whole tiles of the largest hops in the middle, smaller ones at the left edge, and at the
 * right edge the largest tile that contains q and has seen no event at or after q. Hot path: made once per view, not reentrant.
 */
export class WindowReader {
  readonly windows: readonly ViewWindow[];
  /** Events by window, of the last read. */
  readonly counts: Float64Array;
  /** Tiles merged by the last read. */
  merged = 0;
  /** The latest event that counted in the last read, epoch ms; -Infinity where none did. */
  maxTs = Number.NEGATIVE_INFINITY;
  readonly #layout: TileLayout;
  readonly #hops: readonly number[];
  /** By window. */
  readonly #answers: readonly (readonly Answer[])[];
  readonly #scratch: Cells;
  /** Ranges of the window in hand: hop, first and last tile index (exclusive), by threes. */
  readonly #ranges: number[] = [];
  #rangesEnd = 0;
  #usableHead = -1;

  /** `features`: indexes of those that are wanted, all by default; the others are left as they are in `out`. */
  constructor(layout: TileLayout, features: readonly number[] = layout.view.features.map((_, index) => index)) {
    const { view } = layout;
    const wanted = new Set(features);
    this.#layout = layout;
    this.#hops = view.hopsMs;
    this.windows = windowsOf(view);
    this.#answers = this.windows.map((window) =>
      window.features
        .filter((feature) => wanted.has(feature))
        .map((feature) => ({ ...layout.partials[view.features[feature].aggregate], feature })),
    );
    this.counts = new Float64Array(this.windows.length);
    this.#scratch = { nums: new Float64Array(layout.numbers), objs: new Array(layout.objects).fill(null) };
  }

  /** The tiles that a read at `q` may need, by hop. */
  spans(q: number): readonly TileSpan[] {
    const { view } = this.#layout;
    return this.#hops.map((hopMs) => ({ hopMs, from: floorTo(q - tileHorizonMs(view, hopMs), hopMs), to: q }));
  }

  /**
   * Writes the answers at `q` to `out` from `at` on (undefined where an aggregate cannot be answered exactly) and gives
   * `q` back. If even the smallest tile that contains q has seen later events, writes nothing and gives the instant
   * from which they can answer. `runs` has the key's tiles by hop; they are not changed.
   */
  read(runs: readonly TileRun[], q: number, out: (Value | undefined)[], at: number): number {
    const ready = this.#chooseHead(runs, q);
    if (ready !== q) return ready;
    this.merged = 0;
    this.maxTs = Number.NEGATIVE_INFINITY;
    for (let w = 0; w < this.windows.length; w += 1) {
      this.#rangesEnd = 0;
      this.#cover(runs, this.#tail(this.windows[w], q), q);
      this.counts[w] = this.#countEvents(runs);
      const answers = this.#answers[w];
      for (let a = 0; a < answers.length; a += 1) out[at + answers[a].feature] = this.#answer(runs, answers[a]);
    }
    return q;
  }

  #tail({ windowMs, hopMs }: ViewWindow, q: number): number {
    const { ttlMs } = this.#layout.view;
    const length = Math.min(windowMs ?? Number.POSITIVE_INFINITY, ttlMs ?? Number.POSITIVE_INFINITY);
    return length === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : floorTo(q - length, hopMs);
  }

  /** Finds the largest hop whose tile around q has seen nothing at or after q; gives q, or when the smallest could. */
  #chooseHead(runs: readonly TileRun[], q: number): number {
    let ahead = q;
    for (let hop = this.#hops.length - 1; hop >= 0; hop -= 1) {
      const latest = this.#latestAround(runs[hop], this.#hops[hop], q);
      if (latest < q) {
        this.#usableHead = hop;
        return q;
      }
      ahead = latest + 1;
    }
    return ahead;
  }

  /** The latest event of the tile around q; -Infinity where there is none, or where q begins a tile, which is then not needed. */
  #latestAround(run: TileRun, hopMs: number, q: number): number {
    const start = floorTo(q, hopMs);
    if (start === q) return Number.NEGATIVE_INFINITY;
    const stride = this.#layout.numbers;
    const index = lowerBound(run, this.#layout, start);
    if (index >= run.length || run.nums[index * stride + START] !== start) return Number.NEGATIVE_INFINITY;
    return run.nums[index * stride + MAX_TS];
  }

  /** Adds the ranges of tiles that make up [from, q). */
  #cover(runs: readonly TileRun[], from: number, q: number): void {
    let head = this.#usableHead;
    while (head > 0 && floorTo(q, this.#hops[head]) < from) head -= 1;
    const headStart = floorTo(q, this.#hops[head]);
    this.#coverWhole(runs, from, headStart, this.#hops.length - 1);
    if (headStart < q) this.#addRange(runs, head, headStart, headStart + 1);
  }

  /** Whole tiles of [from, to): the largest hop that fits in the middle, smaller ones at both sides. */
  #coverWhole(runs: readonly TileRun[], from: number, to: number, hop: number): void {
    if (from >= to) return;
    const size = this.#hops[hop];
    const first = from === Number.NEGATIVE_INFINITY ? from : Math.ceil(from / size) * size;
    const end = floorTo(to, size);
    if (first < end) {
      if (hop > 0) this.#coverWhole(runs, from, first, hop - 1);
      this.#addRange(runs, hop, first, end);
      if (hop > 0) this.#coverWhole(runs, end, to, hop - 1);
    } else if (hop > 0) this.#coverWhole(runs, from, to, hop - 1);
  }

  #addRange(runs: readonly TileRun[], hop: number, from: number, to: number): void {
    const run = runs[hop];
    const first = from === Number.NEGATIVE_INFINITY ? 0 : lowerBound(run, this.#layout, from);
    const end = lowerBound(run, this.#layout, to);
    if (first >= end) return;
    const ranges = this.#ranges;
    ranges[this.#rangesEnd++] = hop;
    ranges[this.#rangesEnd++] = first;
    ranges[this.#rangesEnd++] = end;
  }

  #countEvents(runs: readonly TileRun[]): number {
    const ranges = this.#ranges;
    const stride = this.#layout.numbers;
    let events = 0;
    for (let r = 0; r < this.#rangesEnd; r += 3) {
      const { nums } = runs[ranges[r]];
      const first = ranges[r + 1] * stride;
      const end = ranges[r + 2] * stride;
      for (let i = first + COUNT; i < end; i += stride) events += nums[i];
      // Tiles ascend: the latest event of a range is in its last one.
      this.maxTs = Math.max(this.maxTs, nums[end - stride + MAX_TS]);
      this.merged += ranges[r + 2] - ranges[r + 1];
    }
    return events;
  }

  #answer(runs: readonly TileRun[], { aggregate, num, obj }: Answer): Value | undefined {
    const { numbers, objects } = this.#layout;
    const scratch = this.#scratch;
    const ranges = this.#ranges;
    aggregate.prepare(scratch, num, obj);
    for (let r = 0; r < this.#rangesEnd; r += 3) {
      const first = ranges[r + 1];
      const count = ranges[r + 2] - first;
      const fn = first * numbers + num;
      const fo = first * objects + obj;
      aggregate.mergeRange(scratch, num, obj, runs[ranges[r]], fn, fo, numbers, objects, count);
    }
    return aggregate.finalise(scratch, num, obj);
  }
}
