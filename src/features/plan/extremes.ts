import type { InstantsPlan } from './instants.ts';
import type { Partial } from './partial.ts';
import type { PointsPlan } from './points.ts';

/** Least or greatest of partials over closed windows: the points' key and `q`, and the columns. */
export interface ExtremesPlan {
  readonly kind: 'extremes';
  readonly points: PointsPlan;
  readonly instants: InstantsPlan;
  readonly columns: readonly WindowColumn[];
}

/** A partial over one window of the points. */
export interface WindowColumn {
  /** `<partial>_w<window>`. */
  readonly name: string;
  readonly partial: Partial;
  /** Column of the window's lower bound. */
  readonly from: string;
}
