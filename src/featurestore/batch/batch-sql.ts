import { fail } from '../../base/errors/fail.ts';
import type { BatchViewData, EventSourceData } from '../../features/define/declaration.ts';
import { INGEST_TS, rawTable } from '../../features/plan/raw-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../../features/sql/event-queries.ts';
import { type OfflineTable, SQL_TYPES } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';

/** SQL text that stands for the raw table of a source. */
export type RawRelation = (source: EventSourceData) => string;

/**
 * Which events a run sees: all that are published; or, of a run in the past, those up to its instant by when they
 * happened, or of them those that had arrived too.
 */
export type SeenEvents = 'all' | 'happened' | 'arrived';

/**
 * A view's own SQL over its sources. It sees their accepted events (the same rule as the stream) under their declared
 * names: times as epoch ms (BIGINT), a decimal as DECIMAL with its scale. Error: BATCH_READ.
 */
export function ownSql(view: BatchViewData, rawRelation: RawRelation, asOf: number, seen: SeenEvents = 'all'): string {
  const places = new Map([['asOf', `CAST(${asOf} AS BIGINT)`]]);
  for (const [alias, source] of Object.entries(view.reads))
    places.set(`source:${alias}`, declaredRelation(source, rawRelation(source), seenWhere(source, asOf, seen)));
  const text = view.sql.text.replaceAll(/\{\{(.*?)\}\}/g, (_, place: string) => {
    const sql = places.get(place);
    if (sql === undefined) throw fail('BATCH_READ', { view: view.name, place, known: [...places.keys()] });
    return sql;
  });
  return text.replace(/[\s;]+$/, '');
}

/** The relation of a table that has no rows: what a view's SQL is described over when nothing runs. */
function emptyRelation({ columns }: OfflineTable): string {
  const list = Object.entries(columns).map(([name, type]) => `CAST(NULL AS ${SQL_TYPES[type]}) AS "${name}"`);
  return `(SELECT ${list.join(', ')} WHERE false)`;
}

/** As {@link ownSql}, over empty tables. */
export function ownSqlOverNothing(view: BatchViewData): string {
  return ownSql(view, (source) => emptyRelation(rawTable(source)), 0);
}

function seenWhere({ time }: EventSourceData, asOf: number, seen: SeenEvents): string | null {
  if (seen === 'all') return null;
  const at = `CAST(${asOf} AS BIGINT)`;
  const happened = `"${time}" <= ${at}`;
  return seen === 'happened' ? happened : `${happened} AND ${INGEST_TS} <= ${at}`;
}

function declaredRelation(source: EventSourceData, raw: string, where: string | null): string {
  const accepted = acceptedEventsQuery(source, raw, duckdb);
  const events = where === null ? accepted : `SELECT * FROM (${accepted}) AS accepted WHERE ${where}`;
  const decimals = Object.entries(source.columns).filter(([, { type }]) => type === 'decimal');
  if (decimals.length === 0) return `(${events})`;
  const replaced = decimals.map(([name, spec]) => `${unscaled(`"${name}"`, spec)} AS "${name}"`);
  return `(SELECT * REPLACE (${replaced.join(', ')}) FROM (${events}) AS scaled)`;
}

/** The exact DECIMAL of an integer value · 10^scale: 19 digits of a BIGINT and the scale's are 38 at most. */
function unscaled(column: string, { scale = 0 }: ColumnSpec): string {
  const whole = `CAST(${column} AS DECIMAL(19,0))`;
  return scale === 0 ? whole : `${whole} * CAST(0.${'1'.padStart(scale, '0')} AS DECIMAL(${scale + 1},${scale}))`;
}
