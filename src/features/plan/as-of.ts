import type { PointsPlan } from './points.ts';
import type { PresentPlan } from './present.ts';
import type { RunningSumsPlan } from './running-sums.ts';

/** The points with the rows found at their bounds; a point without a row has nulls. */
export interface AsOfPlan {
  readonly kind: 'asOf';
  readonly from: PointsPlan;
  readonly lookups: readonly AsOfLookup[];
}

/** Finds one row of `in` of the same key by its `ts`, which is unique within a key. */
export interface AsOfLookup {
  readonly in: RunningSumsPlan | PresentPlan;
  /** Column of the points. */
  readonly bound: string;
  /** The last row with `ts < bound`, or the first with `ts >= bound`. */
  readonly find: 'lastBefore' | 'firstFrom';
  /** Column of `in` by name in the result. */
  readonly take: Readonly<Record<string, string>>;
}
