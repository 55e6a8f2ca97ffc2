import type { WindowColumn } from './extremes.ts';
import type { PointsPlan } from './points.ts';
import type { ViewEventsPlan } from './view-events.ts';

/**
 * Partials over windows of a source of changes: at each point the rows that are there after the changes before q, each
 * checked against the windows by its own time. A point without rows has the partial of nothing.
 */
export interface ChangedPartialsPlan {
  readonly kind: 'changedPartials';
  readonly points: PointsPlan;
  readonly events: ViewEventsPlan;
  readonly columns: readonly WindowColumn[];
}
