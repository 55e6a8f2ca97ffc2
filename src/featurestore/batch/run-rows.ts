import { fail } from '../../base/errors/fail.ts';
import type { BatchViewData } from '../../features/define/declaration.ts';
import { FEATURE_PREFIX, KEY_PREFIX } from '../../features/plan/names.ts';
import { valueDecoder } from '../../features/sql/decode.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { BatchRow } from '../../ports/online-store.ts';
import type { ColumnSpec, Value } from '../../schema/column.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { orderOf } from '../key-order.ts';
import { wantedColumns } from './batch-columns.ts';

/** The part of the history that SQL reads. */
export type History = Pick<OfflineStore, 'query'>;

/** The rows of a run, or of a generation. They are read a slice at a time: there may be more than the memory holds. */
export interface RunRows {
  /** SQL that stands for them in a FROM clause, under the names of {@link keyNames} and {@link featureNames}. */
  readonly relation: string;
  readonly rows: number;
  /** Rows whose key has a null part: left out. */
  readonly nullKeys: number;
}

/** Rows that are in this process's memory at a time: whole transactions of the stores. */
export const SLICE_ROWS = 10_000;

/** The names of a view's key columns in SQL, as in its table, in quotes. */
export function keyNames({ entity }: BatchViewData): readonly string[] {
  return Object.keys(entity.key).map((name) => `"${KEY_PREFIX}${name}"`);
}

/** The names of a view's features in SQL, as in its table, in quotes. */
export function featureNames({ features }: BatchViewData): readonly string[] {
  return Object.keys(features).map((name) => `"${FEATURE_PREFIX}${name}"`);
}

/** SQL that holds for rows of an entity: those whose key has no null part. */
export function isOfEntity(view: BatchViewData): string {
  return keyNames(view)
    .map((name) => `${name} IS NOT NULL`)
    .join(' AND ');
}

/** The SQL by which a store orders the keys of a view; `columns` are SQL of its key columns. */
export function keyOrderOf({ entity }: BatchViewData, columns: readonly string[]): readonly string[] {
  return Object.values(entity.key).flatMap(({ type }, i) => orderOf(type, columns[i]));
}

/** Reads rows in slices, in the order of their relation. Errors: OFFLINE_*. */
export async function* slicesOf(
  view: BatchViewData,
  history: History,
  { relation }: Pick<RunRows, 'relation'>,
): AsyncGenerator<readonly BatchRow[], void, undefined> {
  const decoders = wantedColumns(view).map(([, spec]) => valueDecoder(spec));
  const { encode } = entityKeyCodec(view.entity.key);
  const width = Object.keys(view.entity.key).length;
  const columns = [...keyNames(view), ...featureNames(view)];
  let rows: BatchRow[] = [];
  for await (const batch of history.query(`SELECT ${columns.join(', ')} FROM ${relation} AS run`)) {
    for (const cells of batch) {
      const values = cells.map((cell, i): Value => decoders[i](cell));
      const key = encode(values.slice(0, width));
      if (key !== null) rows.push({ key, values: values.slice(width) });
    }
    if (rows.length < SLICE_ROWS) continue;
    yield rows.slice(0, SLICE_ROWS);
    rows = rows.slice(SLICE_ROWS);
  }
  if (rows.length > 0) yield rows;
}

/** The largest whole number that no other one is rounded to. */
const MOST = Number.MAX_SAFE_INTEGER;

/**
 * Checks rows that are in the order of a store's keys, without their values in the memory; `all` counts them.
 * Errors: BATCH_SQL for a null in a list, BATCH_TYPE for an int or a time beyond 2^53, BATCH_DUPLICATE_KEY.
 */
export async function checkedRows(
  view: BatchViewData,
  history: History,
  relation: string,
  all: number,
): Promise<RunRows> {
  const columns = [...keyNames(view), ...featureNames(view)];
  const specs = wantedColumns(view).map(([, spec]) => spec);
  const flaws = [...inexact(columns, specs), ...holed(columns, specs)];
  const flawed = flaws.length === 0 ? 'false' : flaws.join(' OR ');
  const found = await firstRow(
    history,
    `SELECT COUNT(*) FILTER (WHERE ${isOfEntity(view)}), COUNT(*) FILTER (WHERE ${flawed}) FROM ${relation} AS run`,
  );
  const [rows = 0, faults = 0] = (found ?? []).map(Number);
  if (faults > 0) await refuseFlaw(view, history, relation, flawed);
  await refuseTwice(view, history, relation);
  return { relation: `(SELECT * FROM ${relation} AS run WHERE ${isOfEntity(view)})`, rows, nullKeys: all - rows };
}

/** SQL that holds for rows with a whole number that has no number of its own. */
function inexact(columns: readonly string[], specs: readonly ColumnSpec[]): readonly string[] {
  return columns.flatMap((column, i) => {
    const { type, element } = specs[i];
    const isNumber = (each: string | undefined) => each === 'int' || each === 'time';
    if (isNumber(type)) return [`${column} NOT BETWEEN -${MOST} AND ${MOST}`];
    if (type !== 'list' || !isNumber(element)) return [];
    return [`LIST_MAX(${column}) > ${MOST}`, `LIST_MIN(${column}) < -${MOST}`];
  });
}

/** SQL that holds for rows with a null in a list. */
function holed(columns: readonly string[], specs: readonly ColumnSpec[]): readonly string[] {
  return columns.flatMap((column, i) => (specs[i].type === 'list' ? [`LEN(${column}) <> LIST_COUNT(${column})`] : []));
}

/** Throws the error of the first row with a flaw. A null in a list is the error of the query that reads it. */
async function refuseFlaw(view: BatchViewData, history: History, relation: string, flawed: string): Promise<void> {
  const columns = [...keyNames(view), ...featureNames(view)];
  const row = await firstRow(history, `SELECT ${columns.join(', ')} FROM ${relation} AS run WHERE ${flawed} LIMIT 1`);
  wantedColumns(view).forEach(([column, spec], i) => {
    const value = valueDecoder(spec)(row?.[i] ?? null);
    for (const number of Array.isArray(value) ? value : [value])
      if (typeof number === 'number' && spec.type !== 'float' && !Number.isSafeInteger(number))
        throw fail('BATCH_TYPE', { view: view.name, column, found: String(number), wanted: 'a number within 2^53' });
  });
}

/** Error BATCH_DUPLICATE_KEY where a key follows itself. DuckDB reads a file in the order of its rows, and keeps one of them for this. */
async function refuseTwice(view: BatchViewData, history: History, relation: string): Promise<void> {
  const names = keyNames(view);
  const before = names.map((name, i) => `LAG(${name}) OVER () AS before_${i}`);
  const same = names.map((name, i) => `${name} = before_${i}`);
  const row = await firstRow(
    history,
    `SELECT ${names.join(', ')} FROM (SELECT ${[...names, ...before].join(', ')} FROM ${relation} AS run) AS pairs
WHERE ${same.join(' AND ')} LIMIT 1`,
  );
  if (row === null) return;
  const key = Object.values(view.entity.key).map((spec, i) => valueDecoder(spec)(row[i]));
  throw fail('BATCH_DUPLICATE_KEY', { view: view.name, key: key.join(', ') });
}

async function firstRow(history: History, sql: string) {
  for await (const [row] of history.query(sql)) return row ?? null;
  return null;
}
