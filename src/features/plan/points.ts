import type { ScanPlan } from './scan.ts';

/**
 * The points of a view's read: each different (entity key, instant) of a spine once, with the bounds of its windows.
 * Columns: the key, `q`, `until` (closed events are those before it), and per window `from_0`, `from_1`, …: a window
 * covers `from <= ts < q`. Rows with a null in the key have no entity and are omitted.
 */
export interface PointsPlan {
  readonly kind: 'points';
  readonly spine: ScanPlan;
  readonly keys: readonly PointKey[];
  readonly windows: readonly PointWindow[];
  /** null: every accepted event counts, and all events before q are closed. */
  readonly arrived: Arrived | null;
}

/** Only what had arrived counts: by q (`<=`) or before it (`<`). With this lateness, what is older than that had for certain, and is closed. */
export interface Arrived {
  readonly test: '<=' | '<';
  readonly latenessMs: number;
}

export interface PointKey {
  /** `k_<entity key column>`. */
  readonly name: string;
  /** `r_<request column>`. */
  readonly of: string;
}

export interface PointWindow {
  /** Column of the lower bound. */
  readonly from: string;
  /** null: no lower bound. */
  readonly windowMs: number | null;
  /** The multiple that the lower bound is rounded down to. */
  readonly hopMs: number;
}

/** Before every event: the lower bound of a window that has none. */
export const BEGINNING = -9_007_199_254_740_991;
