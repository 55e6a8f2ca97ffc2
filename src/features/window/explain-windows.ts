import { floorTo } from '../../base/time.ts';
import type { Value } from '../../schema/column.ts';
import { COUNT, MAX_TS, START, type TileLayout } from '../tile/tile-layout.ts';
import type { TileRun } from '../tile/tile-run.ts';
import { TileRanges } from './tile-ranges.ts';
import { spannedWindows, windowsOf } from './view-windows.ts';
import { WindowFold } from './window-fold.ts';

/** Answers by feature of the view; undefined where an aggregate has no exact answer. */
export type Answers = Readonly<Record<string, Value | undefined>>;

/** A tile that is part of a window. */
export interface ExplainedTile {
  readonly hopMs: number;
  readonly start: number;
  readonly events: number;
  /** Time of its newest event. */
  readonly latest: number;
  /** The features of its window, over this tile alone. */
  readonly alone: Answers;
}

/** A window of a view at an instant: the tiles that cover it, and its answers. */
export interface ExplainedWindow {
  /** Null: all events. */
  readonly windowMs: number | null;
  /** The events of [from, to); null: from the first one on. */
  readonly from: number | null;
  readonly to: number;
  readonly events: number;
  readonly answers: Answers;
  /** Ascending in time. */
  readonly tiles: readonly ExplainedTile[];
}

/**
 * The windows of one key at `q` with the tiles that each is merged from, as `WindowReader` merges them. Null: even the smallest
 * tile around `q` has seen later events. For people: it allocates for each tile.
 */
export function explainWindows(
  layout: TileLayout,
  runs: readonly TileRun[],
  q: number,
): readonly ExplainedWindow[] | null {
  const { view } = layout;
  const ranges = new TileRanges(layout);
  if (ranges.choose(runs, q) !== q) return null;
  const spans = spannedWindows(view);
  return windowsOf(view).map(({ windowMs, features }, w) => {
    const from = floorTo(q - spans[w].reachMs, spans[w].hopMs);
    const whole = new WindowFold(layout, features);
    const one = new WindowFold(layout, features);
    const answersOf = (fold: WindowFold): Answers => {
      const out: (Value | undefined)[] = [];
      fold.finish(out, 0);
      return Object.fromEntries(features.map((feature) => [view.features[feature].name, out[feature]]));
    };
    const tiles: ExplainedTile[] = [];
    whole.prepare();
    for (const cover of [() => ranges.coverBody(runs, from), () => ranges.coverHead(runs, from)]) {
      cover();
      whole.merge(runs, ranges);
      for (let r = 0; r < ranges.end; r += 3) {
        const hop = ranges.ranges[r];
        for (let i = ranges.ranges[r + 1]; i < ranges.ranges[r + 2]; i += 1) {
          const at = i * layout.numbers;
          const { nums } = runs[hop];
          one.prepare();
          one.merge(runs, { ranges: [hop, i, i + 1], end: 3 });
          const of = { start: nums[at + START], events: nums[at + COUNT], latest: nums[at + MAX_TS] };
          tiles.push({ hopMs: view.hopsMs[hop], ...of, alone: answersOf(one) });
        }
      }
    }
    const answers = answersOf(whole);
    return { windowMs, from: Number.isFinite(from) ? from : null, to: q, events: whole.events, answers, tiles };
  });
}
