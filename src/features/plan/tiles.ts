import type { StreamViewData } from '../define/declaration.ts';
import type { AdmissionPlan } from './admission.ts';
import { type Partial, tilePartials } from './partial.ts';
import { type ViewEventsPlan, viewEvents } from './view-events.ts';

/** The tiles of a view at one hop, with the columns of `tileTable`. */
export interface TilesPlan {
  readonly kind: 'tiles';
  readonly from: ViewEventsPlan;
  readonly hopMs: number;
  /** `version = generation · 2^40 + n`. */
  readonly generation: number;
  readonly partials: readonly Partial[];
}

/** Tiles from the accepted events of the view's source. */
export function tiles(view: StreamViewData, hopMs: number, generation: number, accepted: AdmissionPlan): TilesPlan {
  const from = viewEvents(view, view.aggregates, accepted);
  const partials = view.aggregates.flatMap((spec) => tilePartials(spec, from.inputs));
  return { kind: 'tiles', from, hopMs, generation, partials };
}
