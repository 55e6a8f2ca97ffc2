import type { WindowColumn } from './extremes.ts';
import type { PointsPlan } from './points.ts';
import type { ViewEventsPlan } from './view-events.ts';

/** Partials over the open part of each window, `until <= ts < q`, of the events that had arrived by q. */
export interface OpenPartialsPlan {
  readonly kind: 'openPartials';
  readonly points: PointsPlan;
  readonly events: ViewEventsPlan;
  readonly columns: readonly WindowColumn[];
}
