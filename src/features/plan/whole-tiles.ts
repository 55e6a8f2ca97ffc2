import { aggregateOf } from '../aggregate/aggregates.ts';
import type { AggregateSpec, StreamViewData } from '../define/declaration.ts';
import { tileIdentity } from '../tile/tile-identity.ts';
import type { AdmissionPlan } from './admission.ts';
import { type Partial, tilePartials } from './partial.ts';
import { type PartAggregate, partAggregate } from './parts.ts';
import { type Table, tableOf } from './table.ts';
import { tileTable } from './tile-table.ts';
import { type TilesPlan, tiles } from './tiles.ts';
import type { ViewInput } from './view-events.ts';

/**
 * The tiles of a view at one hop, each with all its parts in one row: the output of an engine that emits a tile again
 * whenever it changes. Scalars and parts of a row are then of the same events; rows of separate tables need not be.
 */
export interface WholeTilesPlan {
  readonly kind: 'wholeTiles';
  readonly tiles: TilesPlan;
  readonly parts: readonly NamedParts[];
}

/** An aggregate's parts, and the column of their multiset. */
export interface NamedParts {
  readonly name: string;
  readonly aggregate: PartAggregate;
}

export function wholeTiles(
  view: StreamViewData,
  hopMs: number,
  generation: number,
  accepted: AdmissionPlan,
): WholeTilesPlan {
  const plan = tiles(view, hopMs, generation, accepted);
  const partials = wholeTilePartials(view, plan.from.inputs);
  const parts = view.aggregates.flatMap((spec): readonly NamedParts[] => {
    const aggregate = partAggregate(spec, plan.from);
    return aggregate === null ? [] : [{ name: partsColumn(spec.name), aggregate }];
  });
  return { kind: 'wholeTiles', tiles: { ...plan, partials }, parts };
}

/** `<aggregate>_parts`. */
export function partsColumn(aggregate: string): string {
  return `${aggregate}_parts`;
}

/** The columns of the aggregates' partials in a whole tile: not those that only say `n` once more. */
export function wholeTilePartials(view: StreamViewData, inputs: readonly ViewInput[]): readonly Partial[] {
  return view.aggregates.flatMap((spec) => tilePartials(spec, inputs).filter(({ suffix }) => !isEvents(spec, suffix)));
}

/** Whether a column of an aggregate's partial is the number of the tile's events. */
export function isEvents({ kind, input, inputType, retracts }: AggregateSpec, suffix: string): boolean {
  if (suffix !== 'n' || retracts === true) return false;
  if (input === null) return true;
  return inputType?.nullable === false && !(kind === 'count' && inputType.type === 'bool');
}

/** A table of whole tiles: the columns of `tileTable` that are written, then those of multisets of text. */
export interface WholeTileTable extends Table {
  readonly multisets: readonly string[];
}

/** Error: PLAN_NAME. */
export function wholeTileTable(view: StreamViewData, hopMs: number): WholeTileTable {
  const multisets = view.aggregates
    .filter((spec) => aggregateOf(spec).parts !== null)
    .map(({ name }) => partsColumn(name));
  const { name, columns } = tileTable(view, hopMs);
  // Made for its check: no declared name may be one of these either.
  tableOf(name, columns, Object.fromEntries(multisets.map((column) => [column, 'STRING'] as const)));
  const left = new Set(view.aggregates.filter((spec) => isEvents(spec, 'n')).map((spec) => `${spec.name}_n`));
  const written = Object.entries(columns).filter(([column]) => !left.has(column));
  return { name: `${tileIdentity(view)}/${hopMs}`, columns: Object.fromEntries(written), multisets };
}
