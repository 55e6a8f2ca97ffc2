import type { EventSourceData, ModelData } from '../define/declaration.ts';
import { type DeclaredPlan, declaredEvents, spineEvents } from '../plan/declared.ts';
import { compilePlan } from './compile.ts';
import type { Dialect } from './dialect.ts';

/** The accepted events of a source under their declared names, and `_ingest_ts`, from the relation of its raw table. */
export function acceptedEventsQuery(source: EventSourceData, relation: string, dialect: Dialect): string {
  return compilePlan(declaredEvents(source, relation), dialect);
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
