import type { Value } from '../../schema/column.ts';
import type { Aggregate } from '../aggregate/aggregate.ts';
import { addRange, greatestOf, leastOf, SETTLE_AFTER, type SlotFold } from '../aggregate/fold.ts';
import type { Cells } from '../tile/cells.ts';
import { COUNT, FIRST_PARTIAL, GENERATION, MAX_TS, START, type TileLayout } from '../tile/tile-layout.ts';
import type { TileRun } from '../tile/tile-run.ts';
import type { TileRanges } from './tile-ranges.ts';
import type { MergedWindows } from './window-memo.ts';

/** An aggregate, and the place of its partial in a tile. */
interface Place {
  readonly aggregate: Aggregate;
  readonly num: number;
  readonly obj: number;
}

/**
 * The partials of one window, merged from ranges of tiles: the slots that merge by themselves in flat loops over all
 * aggregates, the others aggregate by aggregate. Hot path: nothing is allocated.
 */
export class WindowFold {
  /** Tiles merged, and their latest event (-Infinity where there is none). */
  tiles = 0;
  maxTs = Number.NEGATIVE_INFINITY;
  readonly #layout: TileLayout;
  readonly #scratch: Cells;
  readonly #adds: Int32Array;
  readonly #leasts: Int32Array;
  readonly #greatests: Int32Array;
  readonly #settled: readonly Place[];
  readonly #others: readonly Place[];
  readonly #places: readonly Place[];
  /** By place: the feature that it answers. */
  readonly #features: readonly number[];

  constructor(layout: TileLayout, features: readonly number[]) {
    const { view, partials } = layout;
    this.#layout = layout;
    this.#features = features;
    this.#places = features.map((feature) => partials[view.features[feature].aggregate]);
    const distinct = [...new Set(this.#places)];
    this.#settled = distinct.filter(({ aggregate }) => aggregate.fold?.slots.includes('add'));
    this.#others = distinct.filter(({ aggregate }) => aggregate.fold === null);
    this.#adds = Int32Array.of(COUNT, ...slotsThat('add', distinct));
    this.#leasts = Int32Array.from(slotsThat('least', distinct));
    this.#greatests = Int32Array.from(slotsThat('greatest', distinct));
    this.#scratch = { nums: new Float64Array(layout.numbers), objs: new Array(layout.objects).fill(null) };
  }

  /** Begins with no tiles. */
  prepare(): void {
    this.tiles = 0;
    this.maxTs = Number.NEGATIVE_INFINITY;
    const { nums } = this.#scratch;
    for (let i = 0; i < this.#adds.length; i += 1) nums[this.#adds[i]] = 0;
    for (let i = 0; i < this.#leasts.length; i += 1) nums[this.#leasts[i]] = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#greatests.length; i += 1) nums[this.#greatests[i]] = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#others.length; i += 1) {
      const { aggregate, num, obj } = this.#others[i];
      aggregate.prepare(this.#scratch, num, obj);
    }
  }

  /** Merges the tiles of the ranges; `runs` has the key's tiles by hop. */
  merge(runs: readonly TileRun[], { ranges, end }: Pick<TileRanges, 'ranges' | 'end'>): void {
    for (let r = 0; r < end; r += 3) {
      const run = runs[ranges[r]];
      const last = ranges[r + 2];
      for (let first = ranges[r + 1]; first < last; first += SETTLE_AFTER) {
        this.#mergeRange(run, first, Math.min(SETTLE_AFTER, last - first));
      }
      this.tiles += last - ranges[r + 1];
      // Tiles ascend: the latest event of a range is in its last one.
      const latest = run.nums[(last - 1) * this.#layout.numbers + MAX_TS];
      if (latest > this.maxTs) this.maxTs = latest;
    }
  }

  /** Events merged. */
  get events(): number {
    return this.#scratch.nums[COUNT];
  }

  /** Stores the current merge as the partials of a window whose span starts at `from`. */
  keep(kept: MergedWindows, window: number, from: number): void {
    const { nums } = kept;
    const at = window * this.#layout.numbers;
    const held = this.#scratch.nums;
    for (let i = FIRST_PARTIAL; i < held.length; i += 1) nums[at + i] = held[i];
    nums[at + COUNT] = held[COUNT];
    nums[at + MAX_TS] = this.maxTs;
    nums[at + START] = this.tiles;
    nums[at + GENERATION] = from;
    for (let i = 0; i < this.#others.length; i += 1) {
      const { aggregate, num, obj } = this.#others[i];
      aggregate.clone(kept, at + num, window * this.#layout.objects + obj, this.#scratch, num, obj);
    }
  }

  /** Whether a window is kept from `from` on. */
  isKept({ nums }: MergedWindows, window: number, from: number): boolean {
    return nums[window * this.#layout.numbers + GENERATION] === from;
  }

  /** Starts with the stored merge of a window: a tile with the number of tiles in place of its start. */
  restore(kept: Cells, window: number): void {
    const at = window * this.#layout.numbers;
    const { nums } = kept;
    const held = this.#scratch.nums;
    for (let i = FIRST_PARTIAL; i < held.length; i += 1) held[i] = nums[at + i];
    held[COUNT] = nums[at + COUNT];
    this.maxTs = nums[at + MAX_TS];
    this.tiles = nums[at + START];
    for (let i = 0; i < this.#others.length; i += 1) {
      const { aggregate, num, obj } = this.#others[i];
      aggregate.clone(this.#scratch, num, obj, kept, at + num, window * this.#layout.objects + obj);
    }
  }

  /** Writes the answers to `out`, that of feature 0 at `at`; undefined where one cannot be given exactly. */
  finish(out: (Value | undefined)[], at: number): void {
    const places = this.#places;
    for (let i = 0; i < places.length; i += 1) {
      const { aggregate, num, obj } = places[i];
      out[at + this.#features[i]] = aggregate.finalise(this.#scratch, num, obj);
    }
  }

  #mergeRange(run: TileRun, first: number, tiles: number): void {
    const { numbers, objects } = this.#layout;
    const { nums } = this.#scratch;
    const at = first * numbers;
    const [adds, leasts, greatests, settled] = [this.#adds, this.#leasts, this.#greatests, this.#settled];
    for (let i = 0; i < adds.length; i += 1) {
      const slot = adds[i];
      nums[slot] = addRange(nums[slot], run.nums, at + slot, numbers, tiles);
    }
    for (let i = 0; i < leasts.length; i += 1) {
      const slot = leasts[i];
      nums[slot] = leastOf(nums[slot], run.nums, at + slot, numbers, tiles);
    }
    for (let i = 0; i < greatests.length; i += 1) {
      const slot = greatests[i];
      nums[slot] = greatestOf(nums[slot], run.nums, at + slot, numbers, tiles);
    }
    for (let i = 0; i < settled.length; i += 1) settled[i].aggregate.fold?.settle(nums, settled[i].num);
    for (let i = 0; i < this.#others.length; i += 1) {
      const { aggregate, num, obj } = this.#others[i];
      const fo = first * objects + obj;
      aggregate.mergeRange(this.#scratch, num, obj, run, at + num, fo, numbers, objects, tiles);
    }
  }
}

function slotsThat(fold: SlotFold, places: readonly Place[]): readonly number[] {
  return places.flatMap(({ aggregate, num }) =>
    (aggregate.fold?.slots ?? []).flatMap((slot, i) => (slot === fold ? [num + i] : [])),
  );
}
