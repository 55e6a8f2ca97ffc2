import type { LabelSpec } from '../features/define/declaration.ts';
import { compileExpression } from '../features/expression/compile.ts';
import { sourceColumn } from '../features/plan/names.ts';
import { INGEST_TS, rawTable } from '../features/plan/raw-table.ts';
import { valueDecoder } from '../features/sql/decode.ts';
import { duckdb } from '../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../features/sql/event-queries.ts';
import { expressionSql } from '../features/sql/expression.ts';
import { type LabelState, labelState } from '../model/label-maturity.ts';
import type { OfflineStore, OfflineValue } from '../ports/offline-store.ts';

/** A label as it is trained on: 1 and 0 for true and false; null where there is none. */
export type LabelValue = number | null;

/** The label of a row: its state, and its value where it came or is assumed. */
export interface KnownLabel {
  readonly state: LabelState;
  readonly value: LabelValue;
}

/**
 * SQL of a source's accepted events that say something of a label and had arrived by `now`: the source's columns under their
 * names in expressions, and the value as `l_value`.
 */
export function labelEvents(label: LabelSpec, offline: Pick<OfflineStore, 'relation'>, now: number): string {
  const { from } = label;
  const columns = Object.keys(from.columns).map((name) => `"${name}" AS ${sourceColumn(name)}`);
  const events = acceptedEventsQuery(from, offline.relation(rawTable(from)), duckdb);
  const arrived = Number.isFinite(now) ? `WHERE ${INGEST_TS} <= CAST(${Math.floor(now)} AS BIGINT)` : '';
  const value = expressionSql(label.value, from.columns, duckdb);
  return `
    SELECT *, ${value} AS l_value FROM (SELECT ${columns.join(', ')} FROM (${events}) ${arrived})
    WHERE ${value} IS NOT NULL`;
}

/**
 * Joins labels to rows by prediction id: of the label source's accepted events with the row's id, the earliest within
 * `withinMs` of the row's instant (and not before it), the smallest event id among equals; an event whose value is null is
 * no label. Rows come ordered by instant and id, so that one history gives one training set. `wrap` is for
 * `pointInTimeRows`; `read` gives the label of a row of an instant, as it is known at `now`.
 */
export function labelJoin(label: LabelSpec, offline: Pick<OfflineStore, 'relation'>, now: number) {
  const { from, id, withinMs } = label;
  const names = Object.keys(from.columns);
  const columns = names.map((name, i) => `${sourceColumn(name)} AS l_${i}`).join(', ');
  const time = `l_${names.indexOf(from.time)}`;
  const event = `l_${names.indexOf(from.id)}`;
  const sql = (answers: string): string => `
    SELECT a.*, ${names.map((_, i) => `l_${i}`).join(', ')}, l_id IS NOT NULL AS l_found
    FROM (${answers}) AS a
    LEFT JOIN (SELECT ${sourceColumn(id)} AS l_id, ${columns} FROM (${labelEvents(label, offline, now)})) AS l
      ON l_id = a._id AND ${time} >= a._at AND ${time} <= a._at + CAST(${withinMs} AS BIGINT)
    QUALIFY ROW_NUMBER() OVER (PARTITION BY a._id, a._at ORDER BY ${time}, ${event}) = 1
    ORDER BY a._at, a._id`;
  const decoders = Object.values(from.columns).map(valueDecoder);
  const value = compileExpression(label.value, from.columns);
  const read = (row: readonly OfflineValue[], at: number): KnownLabel => {
    const found =
      row[names.length] === true ? value(row.slice(0, names.length).map((cell, i) => decoders[i](cell))) : null;
    const state = labelState(label, { at, came: found !== null }, now);
    if (state === 'came') return { state, value: labelNumber(found) };
    return { state, value: state === 'assumed' ? labelNumber(label.otherwise) : null };
  };
  return { wrap: { sql, columns: names.length + 1, isOrdered: true }, read };
}

/** A label's value as a number. */
export function labelNumber(value: unknown): LabelValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}
