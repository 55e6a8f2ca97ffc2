import type { Aggregate } from '../aggregate/aggregate.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import type { StreamViewData } from '../define/declaration.ts';
import { tileIdentity } from './tile-identity.ts';

/**
 * Numbers of every tile, before the partials: tile start, accepted events, greatest event time, generation.
 * `version = generation · 2^40 + n` (see `version.ts`).
 */
export const START = 0;
export const COUNT = 1;
export const MAX_TS = 2;
export const GENERATION = 3;
export const FIRST_PARTIAL = 4;

/** The memory layout of a view's tiles: the same for every hop. */
export interface TileLayout {
  readonly view: StreamViewData;
  /** The identity under which stores keep the view's tiles (see `tile-identity.ts`). */
  readonly viewId: string;
  /** Numbers and objects a tile takes. */
  readonly numbers: number;
  readonly objects: number;
  readonly partials: readonly PartialPlace[];
}

export interface PartialPlace {
  readonly name: string;
  readonly aggregate: Aggregate;
  /** Offsets within a tile. */
  readonly num: number;
  readonly obj: number;
}

const layouts = new WeakMap<StreamViewData, TileLayout>();

/** How the tiles of a view are laid out: one object for a view, by which caches know its tiles. */
export function tileLayout(view: StreamViewData): TileLayout {
  const known = layouts.get(view) ?? newLayout(view);
  layouts.set(view, known);
  return known;
}

function newLayout(view: StreamViewData): TileLayout {
  let num = FIRST_PARTIAL;
  let obj = 0;
  const partials = view.aggregates.map((spec): PartialPlace => {
    const aggregate = aggregateOf(spec);
    const place = { name: spec.name, aggregate, num, obj };
    num += aggregate.numbers;
    obj += aggregate.objects;
    return place;
  });
  return { view, viewId: tileIdentity(view), numbers: num, objects: obj, partials };
}
