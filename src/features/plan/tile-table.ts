import type { PartSchema } from '../aggregate/aggregate.ts';
import { aggregateOf } from '../aggregate/aggregates.ts';
import type { AggregateSpec, StreamViewData } from '../define/declaration.ts';
import { tileIdentity } from '../tile/tile-identity.ts';
import { KEY_PREFIX } from './names.ts';
import { type SqlType, sqlColumns, type Table, tableOf } from './table.ts';

/**
 * The tiles of a view at one hop: `k_<key>`, `tile_start`, `n` (accepted events), `version`, `max_ts`, then the scalar
 * columns of each aggregate's partial as `<aggregate>_<suffix>`. Error: PLAN_NAME.
 */
export function tileTable(view: StreamViewData, hopMs: number): Table {
  return tableOf(
    `tiles/${tileIdentity(view)}/${hopMs}`,
    sqlColumns(view.entity.key, KEY_PREFIX),
    { tile_start: 'BIGINT', n: 'BIGINT', version: 'BIGINT', max_ts: 'BIGINT' },
    ...view.aggregates.map(partialColumns),
  );
}

/**
 * The parts of one aggregate of a view's tiles: `k_<key>`, `tile_start`, `version` of the tile they belong to, `part`,
 * `part_value`. Null where the aggregate's partial is scalar columns.
 */
export function partsTable(view: StreamViewData, hopMs: number, spec: AggregateSpec): Table | null {
  const { parts } = aggregateOf(spec);
  if (parts === null) return null;
  return tableOf(
    `tiles/${tileIdentity(view)}/${hopMs}/${spec.name}`,
    sqlColumns(view.entity.key, KEY_PREFIX),
    { tile_start: 'BIGINT', version: 'BIGINT' },
    partColumns(parts.schema),
  );
}

function partialColumns(spec: AggregateSpec): Record<string, SqlType> {
  const { columns } = aggregateOf(spec);
  return Object.fromEntries(columns.map(({ suffix, type }) => [`${spec.name}_${suffix}`, type]));
}

function partColumns({ part, value }: PartSchema): Record<string, SqlType> {
  return { part, part_value: value };
}
