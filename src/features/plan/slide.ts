import type { PointsPlan } from './points.ts';
import type { ViewEventsPlan } from './view-events.ts';

/**
 * The events of a lookup and the points that ask, by key and instant: an event is at the instant from which it counts, before the points of
 * that instant. Columns: the key, `t` (the instant), `ts` (null: a point), `id`, `sign`, the inputs.
 */
export interface SlidePlan {
  readonly kind: 'slide';
  readonly points: PointsPlan;
  readonly events: ViewEventsPlan;
  /** Names of the inputs that are read, of those of the events. */
  readonly inputs: readonly string[];
  /** Whether the ids of events are read. */
  readonly ids: boolean;
}
