import type { StreamViewData } from '../define/declaration.ts';
import { admission } from '../plan/admission.ts';
import { parts } from '../plan/parts.ts';
import { tiles } from '../plan/tiles.ts';
import { wholeTiles } from '../plan/whole-tiles.ts';
import { compilePlan } from './compile.ts';
import type { Dialect } from './dialect.ts';

export interface TileQueryOptions {
  readonly dialect: Dialect;
  /** SQL text that stands for the raw table of the view's source in a FROM clause. */
  readonly relation: string;
  readonly generation: number;
}

/** The SELECTs of a view's tiles at one hop; columns as in `tileTable` and `partsTable`. */
export interface TileQueries {
  readonly tiles: string;
  /** By name of aggregate: the parts of those that are made of parts. */
  readonly parts: Readonly<Record<string, string>>;
}

/** Writes the tiles of a view at one hop with their parts in one row, columns as in `wholeTileTable`. */
export function wholeTileQuery(view: StreamViewData, hopMs: number, options: TileQueryOptions): string {
  const { dialect, relation, generation } = options;
  return compilePlan(wholeTiles(view, hopMs, generation, admission(view.source, relation)), dialect);
}

/** Writes the tiles of a view as SQL over the raw deliveries of its source, admission included. */
export function tileQueries(view: StreamViewData, hopMs: number, options: TileQueryOptions): TileQueries {
  const { dialect, relation, generation } = options;
  const accepted = admission(view.source, relation);
  const ofParts = view.aggregates.flatMap((spec) => {
    const plan = parts(view, spec, hopMs, generation, accepted);
    return plan === null ? [] : [[spec.name, compilePlan(plan, dialect)]];
  });
  return { tiles: compilePlan(tiles(view, hopMs, generation, accepted), dialect), parts: Object.fromEntries(ofParts) };
}
