import { aggregateOf } from '../aggregate/aggregates.ts';
import type { StreamViewData } from '../define/declaration.ts';
import { tileIdentity } from '../tile/tile-identity.ts';
import type { AdmissionPlan } from './admission.ts';
import { type PartAggregate, partAggregate } from './parts.ts';
import { type Table, tableOf } from './table.ts';
import { tileTable } from './tile-table.ts';
import { type TilesPlan, tiles } from './tiles.ts';

/**
 * The tiles of a view at one hop, each with all its parts in one row: what an engine writes that emits a tile anew whenever
 * it changes. Scalars and parts of a row are then of the same events, which rows of tables apart need not be.
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
  const parts = view.aggregates.flatMap((spec): readonly NamedParts[] => {
    const aggregate = partAggregate(spec, plan.from);
    return aggregate === null ? [] : [{ name: partsColumn(spec.name), aggregate }];
  });
  return { kind: 'wholeTiles', tiles: plan, parts };
}

/** `<aggregate>_parts`. */
export function partsColumn(aggregate: string): string {
  return `${aggregate}_parts`;
}

/** A table of whole tiles: the columns of `tileTable`, then those of multisets of text. */
export interface WholeTileTable extends Table {
  readonly multisets: readonly string[];
}

/** Error: PLAN_NAME. */
export function wholeTileTable(view: StreamViewData, hopMs: number): WholeTileTable {
  const multisets = view.aggregates
    .filter((spec) => aggregateOf(spec).parts !== null)
    .map(({ name }) => partsColumn(name));
  const { columns } = tileTable(view, hopMs);
  // Made for its check: no declared name may be one of these either.
  tableOf(tileTable(view, hopMs).name, columns, Object.fromEntries(multisets.map((name) => [name, 'STRING'] as const)));
  return { name: `${tileIdentity(view)}/${hopMs}`, columns, multisets };
}
