import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { BatchViewData, ScoredViewData } from '../../features/define/declaration.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { type FoundColumn, readColumns } from './batch-columns.ts';
import { ownSql, ownSqlOverNothing, type SeenEvents } from './batch-sql.ts';
import { checkedRows, featureNames, type History, keyNames, keyOrderOf, type RunRows } from './run-rows.ts';

/**
 * Runs a view's SQL over the published history as of an instant, into a file at `path`.
 * Errors: BATCH_SQL, BATCH_READ, BATCH_COLUMN, BATCH_TYPE, BATCH_DUPLICATE_KEY.
 */
export async function readBatch(
  view: BatchViewData,
  offline: OfflineStore,
  asOf: number,
  path: string,
  seen: SeenEvents = 'all',
): Promise<RunRows> {
  const own = ownSql(view, (source) => offline.relation(rawTable(source)), asOf, seen);
  return readRows(view, offline, own, await columnsOf(view, offline), path);
}

/**
 * Writes the rows of SQL, of which `columns` are the SELECT list, to a file at `path`, and checks them. They are in the order in which a
 * store has its keys: a store of millions is then written from its beginning to its end. Errors: those of {@link readBatch}.
 */
export async function readRows(
  view: BatchViewData,
  offline: OfflineStore,
  own: string,
  columns: readonly string[],
  path: string,
): Promise<RunRows> {
  const names = [...keyNames(view), ...featureNames(view)];
  const select = columns.map((column, i) => `${column} AS ${names[i]}`);
  const order = keyOrderOf(view, columns);
  const sql = `SELECT ${select.join(', ')} FROM (${own}\n) AS run ORDER BY ${order.join(', ')}`;
  return ofAuthor(view, async () => {
    const all = await offline.exportParquet(sql, path);
    return checkedRows(view, offline, parquetRelation([path]), all);
  });
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
  await ofAuthor(view, async () => {
    for await (const rows of history.query(`DESCRIBE (${sql}\n)`))
      for (const [name, type] of rows) found.push({ name: String(name), type: String(type) });
  });
  return readColumns(view, found);
}

/** Queries of a view's SQL, of which the author hears in terms of the view. Error: BATCH_SQL. */
async function ofAuthor<T>(view: BatchViewData, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) throw error;
    throw fail('BATCH_SQL', { view: view.name, reason: String(error.facts['reason']) }, error);
  }
}
