import type { Partial } from './partial.ts';
import type { ViewEventsPlan } from './view-events.ts';

/** Tiles of one millisecond: key, `ts`, `n`, partials. All events of one instant are in or out of a window together. */
export interface InstantsPlan {
  readonly kind: 'instants';
  readonly from: ViewEventsPlan;
  readonly partials: readonly Partial[];
}
