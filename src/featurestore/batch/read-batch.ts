import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { BatchViewData, ScoredViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { BatchRow } from '../../ports/online-store.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { orderOf } from '../key-order.ts';
import { type FoundColumn, readColumns, wantedColumns } from './batch-columns.ts';
import { ownSql, ownSqlOverNothing, type SeenEvents } from './batch-sql.ts';

/** The part of the history that SQL reads. */
type History = Pick<OfflineStore, 'query'>;

/** The rows of a run. */
export interface BatchRows {
  readonly rows: readonly BatchRow[];
  /** Rows whose key has a null part: left out. */
  readonly nullKeys: number;
}

/**
 * Runs a view's SQL over the published history as of an instant.
 * Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE, BATCH_DUPLICATE_KEY.
 */
export async function readBatch(
  view: BatchViewData,
  offline: OfflineStore,
  asOf: number,
  seen: SeenEvents = 'all',
): Promise<BatchRows> {
  const own = ownSql(view, (source) => offline.relation(rawTable(source)), asOf, seen);
  return readRows(view, offline, own, await columnsOf(view, offline));
}

/**
 * Reads the rows of SQL, of which `columns` are the SELECT list, in the order in which a store has its keys: a store of millions is then
 * written from its beginning to its end. Errors: those of {@link readBatch}.
 */
export async function readRows(
  view: BatchViewData,
  offline: History,
  own: string,
  columns: readonly string[],
): Promise<BatchRows> {
  const wanted = wantedColumns(view);
  const decoders = wanted.map(([, spec]) => valueDecoder(spec));
  const { encode } = entityKeyCodec(view.entity.key);
  const width = Object.keys(view.entity.key).length;
  const rows = new Map<string, BatchRow>();
  let nullKeys = 0;
  const order = wanted.slice(0, width).flatMap(([, { type }], i) => orderOf(type, columns[i]));
  const sql = `SELECT ${columns.join(', ')} FROM (${own}\n) AS run ORDER BY ${order.join(', ')}`;
  for await (const batch of running(view, offline, sql)) {
    for (const cells of batch) {
      const values = cells.map((cell, i): Value => decoders[i](cell));
      wanted.forEach(([name, spec], i) => {
        checkExact(view, name, spec, values[i]);
      });
      const key = encode(values.slice(0, width));
      if (key === null) nullKeys += 1;
      else if (rows.has(key))
        throw fail('BATCH_DUPLICATE_KEY', { view: view.name, key: values.slice(0, width).join(', ') });
      else rows.set(key, { key, values: values.slice(width) });
    }
  }
  return { rows: [...rows.values()], nullKeys };
}

/** Checks a view's SQL without data: over empty tables. Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE. */
export async function checkBatchSql(view: BatchViewData, history: History): Promise<void> {
  await columnsOf(view.scores === undefined ? view : askedView({ ...view, scores: view.scores }), history);
}

/** The rows that a view of scores asks for, as a view: its SQL gives the key and the columns of the model's request. */
export function askedView({ scores, ...view }: ScoredViewData): BatchViewData {
  const { request } = scores.model.service;
  const others = Object.entries(request).filter(([name]) => !Object.hasOwn(view.entity.key, name));
  return { ...view, features: Object.fromEntries(others) };
}

/** The SELECT list of a view's SQL. Empty tables give the same types as full ones, and at once. */
function columnsOf(view: BatchViewData, history: History): Promise<readonly string[]> {
  return selectList(view, history, ownSqlOverNothing(view));
}

/** The SELECT list that reads a view's columns from SQL. Errors: BATCH_SQL, BATCH_COLUMN, BATCH_TYPE. */
export async function selectList(view: BatchViewData, history: History, sql: string): Promise<readonly string[]> {
  const found: FoundColumn[] = [];
  for await (const rows of running(view, history, `DESCRIBE (${sql}\n)`))
    for (const [name, type] of rows) found.push({ name: String(name), type: String(type) });
  return readColumns(view, found);
}

/** A query of a view's SQL, of which the author hears in terms of the view. */
async function* running(view: BatchViewData, history: History, sql: string): ReturnType<History['query']> {
  try {
    yield* history.query(sql);
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) throw error;
    throw fail('BATCH_SQL', { view: view.name, reason: String(error.facts['reason']) }, error);
  }
}

/** An int or a time beyond 2^53 has no number. */
function checkExact(view: BatchViewData, column: string, { type }: ColumnSpec, value: Value): void {
  if ((type === 'int' || type === 'time') && value !== null && !Number.isSafeInteger(value))
    throw fail('BATCH_TYPE', { view: view.name, column, found: String(value), wanted: 'a number within 2^53' });
}
