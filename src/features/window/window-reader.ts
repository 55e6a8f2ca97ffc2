import { floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import type { TileLayout } from '../tile/tile-layout.ts';
import type { TileRun } from '../tile/tile-run.ts';
import { StoredWindows, storesWindows } from './stored-windows.ts';
import { tileHorizonMs } from './tile-horizon.ts';
import { type Span, TileRanges } from './tile-ranges.ts';
import { spannedWindows, type ViewWindow, windowsOf } from './view-windows.ts';
import { WindowFold } from './window-fold.ts';
import { KEEP_MERGED_FROM, mergedBy, newMerged, type WindowMemo, weighMerged } from './window-memo.ts';

/** Which tiles of a hop an instant needs: starts in [from, to). */
export interface TileSpan {
  readonly hopMs: number;
  readonly from: number;
  readonly to: number;
}

/** Starts by hop, and the instant that they are for: many reads of one turn are of one instant. */
interface Starts {
  at: number;
  starts: readonly (readonly Span[])[];
}

function noStarts(): Starts {
  return { at: Number.NaN, starts: [] };
}

/**
 * Answers all features of a view for one key. A window W with hop h at instant q covers the events with
 * `floor(q − W, h) <= ts < q`: whole tiles of the largest hops in the middle, smaller ones at the left edge, and at the
 * right edge the largest tile that contains q and has seen no event at or after q. Hot path: made once per view, not reentrant.
 */
export class WindowReader {
  readonly windows: readonly ViewWindow[];
  /** Whether stores keep the windows of its view: {@link readStored}. */
  readonly isStored: boolean;
  /** Events by window, of the last read. */
  readonly counts: Float64Array;
  /** Tiles merged by the last read. */
  merged = 0;
  /** The latest event that counted in the last read, epoch ms; -Infinity where none did. */
  maxTs = Number.NEGATIVE_INFINITY;
  /** The answers of the last read stay as they are up to here, exclusive, while no tile changes. */
  holdsUntil = Number.NEGATIVE_INFINITY;
  readonly #layout: TileLayout;
  readonly #keepFrom: number;
  readonly #ranges: TileRanges;
  readonly #stored: StoredWindows;
  /** By window: how far it reaches back at most (infinite: to the first event), its hop, and its answers. */
  readonly #reachMs: readonly number[];
  readonly #hopsMs: readonly number[];
  readonly #folds: readonly WindowFold[];
  readonly #behindLargest = noStarts();
  readonly #whatever = noStarts();

  /** `features`: indexes of those that are wanted, all by default; the others are left as they are in `out`. `keepFrom`: tiles of
   * a window from which on it is kept merged. */
  constructor(
    layout: TileLayout,
    features: readonly number[] = layout.view.features.map((_, index) => index),
    keepFrom = KEEP_MERGED_FROM,
  ) {
    const { view } = layout;
    this.#layout = layout;
    this.#keepFrom = keepFrom;
    this.#ranges = new TileRanges(layout);
    this.windows = windowsOf(view);
    this.isStored = storesWindows(layout);
    const spans = spannedWindows(view);
    this.#hopsMs = spans.map(({ hopMs }) => hopMs);
    this.#reachMs = spans.map(({ reachMs }) => reachMs);
    this.#stored = new StoredWindows(layout);
    const wanted = new Set(features);
    this.#folds = this.windows.map(
      (window) =>
        new WindowFold(
          layout,
          window.features.filter((feature) => wanted.has(feature)),
        ),
    );
    this.counts = new Float64Array(this.windows.length);
  }

  /** The tiles that a read at `q` may need, by hop. */
  spans(q: number): readonly TileSpan[] {
    const { view } = this.#layout;
    return view.hopsMs.map((hopMs) => ({ hopMs, from: floorTo(q - tileHorizonMs(view, hopMs), hopMs), to: q }));
  }

  /**
   * By hop, the starts of the few tiles that a read at `q` takes where {@link isBehindLargest} holds, as it does unless events
   * are ahead of q: the windows' left edges, and whole tiles of the largest hop that fits.
   */
  startsFor(q: number): readonly (readonly Span[])[] {
    return this.#startsOf(this.#behindLargest, q, 'largest');
  }

  /** By hop, the starts of all tiles that a read at `q` may take, whatever events are ahead of q. */
  anyStartsFor(q: number): readonly (readonly Span[])[] {
    return this.#startsOf(this.#whatever, q, 'any');
  }

  #startsOf(known: Starts, q: number, heads: 'largest' | 'any'): readonly (readonly Span[])[] {
    if (q !== known.at) {
      const froms = this.#reachMs.map((reach, w) => floorTo(q - reach, this.#hopsMs[w]));
      known.starts = this.#ranges.startsFor(q, froms, heads);
      known.at = q;
    }
    return known.starts;
  }

  /** Whether the largest tile around `q` has seen nothing at or after it: then tiles of {@link startsFor} are enough. */
  isBehindLargest(runs: readonly TileRun[], q: number): boolean {
    return this.#ranges.choose(runs, q) === q && this.#ranges.isLargest;
  }

  /**
   * Writes the answers at `q` to `out` from `at` on (undefined where an aggregate has no exact answer) and returns
   * `q`. If even the smallest tile that contains q has later events, writes nothing and returns the first instant that
   * they can answer. `runs` has the key's tiles by hop; they are not changed. The merge of the tiles before the
   * one at the right edge is cached in `memo`, the key's cache, for the next read.
   */
  read(
    runs: readonly TileRun[],
    q: number,
    out: (Value | undefined)[],
    at: number,
    memo: WindowMemo | null = null,
  ): number {
    const ranges = this.#ranges;
    const ready = ranges.choose(runs, q);
    if (ready !== q) return ready;
    const changed = this.#layout.view.source.changes === undefined ? q : this.#changedAfter(runs, q);
    if (changed !== q) return changed;
    this.merged = 0;
    this.maxTs = Number.NEGATIVE_INFINITY;
    // Events ahead of q come in with it. Every hop has them; the largest is at hand.
    let holds = ranges.hasAhead(runs[runs.length - 1], q) ? q : Number.POSITIVE_INFINITY;
    const kept = memo === null ? null : mergedBy(this, memo);
    // The cached merge ends at the start of the tile that was at the right edge then.
    const current = kept !== null && kept.nums[kept.nums.length - 1] === ranges.headStart;
    for (let w = 0; w < this.#folds.length; w += 1) {
      const fold = this.#folds[w];
      const from = floorTo(q - this.#reachMs[w], this.#hopsMs[w]);
      if (current && fold.isKept(kept, w, from)) {
        fold.restore(kept, w);
      } else {
        fold.prepare();
        ranges.coverBody(runs, from);
        fold.merge(runs, ranges);
        // Where one window is kept there is room for all.
        if (memo !== null && (kept !== null || fold.tiles >= this.#keepFrom)) this.#keep(memo, w, from);
      }
      ranges.coverHead(runs, from);
      fold.merge(runs, ranges);
      fold.finish(out, at);
      this.counts[w] = fold.events;
      this.merged += fold.tiles;
      if (fold.maxTs > this.maxTs) this.maxTs = fold.maxTs;
      const moves = from + this.#reachMs[w] + this.#hopsMs[w];
      if (moves < holds) holds = moves;
    }
    this.holdsUntil = holds;
    return q;
  }

  /**
   * Writes the answers at `q` as `read` does, from the windows that `stored-windows.ts` stored for the key. Returns false if they do
   * not have the answers; `out` is then undefined. Error: BYTES_DAMAGED.
   */
  readStored(windows: Uint8Array, q: number, out: (Value | undefined)[]): boolean {
    const stored = this.#stored;
    if (!stored.open(windows, q)) return false;
    this.merged = 0;
    this.maxTs = Number.NEGATIVE_INFINITY;
    for (let w = 0; w < this.#folds.length; w += 1) {
      const fold = this.#folds[w];
      if (!stored.next(w, floorTo(q - this.#reachMs[w], this.#hopsMs[w]))) return false;
      if (stored.isEmpty) fold.prepare();
      else fold.restore(stored.tile, 0);
      fold.finish(out, 0);
      this.counts[w] = fold.events;
      this.merged += fold.tiles;
      if (fold.maxTs > this.maxTs) this.maxTs = fold.maxTs;
    }
    return true;
  }

  /** A change can be of any row: gives q, or the instant from which every tile that a window needs has seen only what was. */
  #changedAfter(runs: readonly TileRun[], q: number): number {
    const ranges = this.#ranges;
    let latest = Number.NEGATIVE_INFINITY;
    for (let w = 0; w < this.#folds.length; w += 1) {
      const from = floorTo(q - this.#reachMs[w], this.#hopsMs[w]);
      ranges.coverBody(runs, from);
      latest = Math.max(latest, ranges.latest(runs));
      ranges.coverHead(runs, from);
      latest = Math.max(latest, ranges.latest(runs));
    }
    return latest < q ? q : latest + 1;
  }

  #keep(memo: WindowMemo, window: number, from: number): void {
    const kept = mergedBy(this, memo) ?? newMerged(this, this.#layout, memo);
    const { nums } = kept;
    const to = this.#ranges.headStart;
    if (nums[nums.length - 1] !== to) {
      nums.fill(Number.NaN);
      nums[nums.length - 1] = to;
    }
    this.#folds[window].keep(kept, window, from);
    weighMerged(kept, this.#layout, window);
  }
}
