import type { EventSourceData, ModelData, StreamViewData } from '../define/declaration.ts';
import { type DeclaredPlan, declaredEvents, spineEvents } from '../plan/declared.ts';
import { compilePlan } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { floorSql } from './text.ts';

/** The accepted events of a source under their declared names, and `_ingest_ts`, from the relation of its raw table. */
export function acceptedEventsQuery(source: EventSourceData, relation: string, dialect: Dialect): string {
  return compilePlan(declaredEvents(source, relation), dialect);
}

/** The start of its tile for every accepted event of a view, as `tile_start`, from the relation of its source's raw table. */
export function tileStartsQuery(
  { source, key }: StreamViewData,
  hopMs: number,
  relation: string,
  dialect: Dialect,
): string {
  const present = Object.values(key).map((name) => `${dialect.identifier(name)} IS NOT NULL`);
  return `SELECT ${floorSql(dialect.identifier(source.time), hopMs)} AS tile_start
FROM (${acceptedEventsQuery(source, relation, dialect)}) AS accepted
WHERE ${present.join(' AND ')}`;
}

/**
 * The spine of a model: `_id`, `_at` and the request columns of its service, one row for each accepted event of its
 * spine source with `from <= time < to`. `relation` stands for the raw table of that source.
 */
export function spineQuery(
  model: ModelData,
  relation: string,
  between: DeclaredPlan['between'],
  dialect: Dialect,
): string {
  const columns = Object.keys(model.service.request);
  return compilePlan(spineEvents(model.spine.from, relation, columns, between), dialect);
}
