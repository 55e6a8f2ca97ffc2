import type { PartAggregate } from './parts.ts';
import type { PointsPlan, PointWindow } from './points.ts';
import type { ViewEventsPlan } from './view-events.ts';

/**
 * The parts of an aggregate over one window: the points' key and `q`, and the lists `parts` and `vals`, ascending by
 * part. A point without events has no row.
 */
export interface WindowPartsPlan {
  readonly kind: 'windowParts';
  readonly points: PointsPlan;
  readonly events: ViewEventsPlan;
  readonly window: PointWindow;
  readonly aggregate: PartAggregate;
}
