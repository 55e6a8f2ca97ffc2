import type { LabelSpec } from '../features/define/declaration.ts';
import { compileExpression } from '../features/expression/compile.ts';
import { sourceColumn } from '../features/plan/names.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import { valueDecoder } from '../features/sql/decode.ts';
import { duckdb } from '../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../features/sql/event-queries.ts';
import { expressionSql } from '../features/sql/expression.ts';
import type { OfflineStore, OfflineValue } from '../ports/offline-store.ts';

/** A label as it is trained on: 1 and 0 for true and false; null where there is none. */
export type LabelValue = number | null;

/**
 * Joins labels to rows by prediction id: of the label source's accepted events with the row's id, the earliest within
 * `withinMs` of the row's instant (and not before it), the smallest event id among equals; an event whose value is null is
 * no label. Rows come ordered by instant and id, so that one history gives one training set. `wrap` is for
 * `pointInTimeRows`; `read` gives the label of a row. A row whose label can still come by `now` has none: what has not had time to come
 * is no negative.
 */
export function labelJoin(label: LabelSpec, offline: Pick<OfflineStore, 'relation'>, now = Number.POSITIVE_INFINITY) {
  const { from, id, withinMs } = label;
  const names = Object.keys(from.columns);
  const events = acceptedEventsQuery(from, offline.relation(rawTable(from)), duckdb);
  const said = `
    SELECT * FROM (SELECT ${names.map((name) => `"${name}" AS ${sourceColumn(name)}`).join(', ')} FROM (${events}))
    WHERE ${expressionSql(label.value, from.columns, duckdb)} IS NOT NULL`;
  const columns = names.map((name, i) => `${sourceColumn(name)} AS l_${i}`).join(', ');
  const time = `l_${names.indexOf(from.time)}`;
  const event = `l_${names.indexOf(from.id)}`;
  const sql = (answers: string): string => `
    SELECT a.*, ${names.map((_, i) => `l_${i}`).join(', ')}, l_id IS NOT NULL AS l_found
    FROM (${answers}) AS a
    LEFT JOIN (SELECT ${sourceColumn(id)} AS l_id, ${columns} FROM (${said})) AS l
      ON l_id = a._id AND ${time} >= a._at AND ${time} <= a._at + CAST(${withinMs} AS BIGINT)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY a._id, a._at ORDER BY ${time}, ${event}) = 1
    ORDER BY a._at, a._id`;
  const decoders = Object.values(from.columns).map(valueDecoder);
  const value = compileExpression(label.value, from.columns);
  const read = (row: readonly OfflineValue[], at = Number.NEGATIVE_INFINITY): LabelValue => {
    const found =
      row[names.length] === true ? value(row.slice(0, names.length).map((cell, i) => decoders[i](cell))) : null;
    if (found === null && at + withinMs >= now) return null;
    return labelNumber(found ?? label.otherwise);
  };
  return { wrap: { sql, columns: names.length + 1 }, read };
}

/** A label's value as a number. */
export function labelNumber(value: unknown): LabelValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}
