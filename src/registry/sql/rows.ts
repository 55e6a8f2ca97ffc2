import type { Sql, SqlDialect, SqlRow, SqlValue } from '../../ports/sql-database.ts';
import type { KeyText, Metric } from '../../ports/tracking-store.ts';

export function textOf(row: SqlRow, column: string): string {
  return String(row[column] ?? '');
}

export function numberOf(row: SqlRow, column: string): number {
  return Number(row[column]);
}

/** null where the column is. */
export function maybeNumber(row: SqlRow, column: string): number | null {
  const value = row[column];
  return value === null || value === undefined ? null : Number(value);
}

/** `?, ?, ?`: as many as values. */
export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/** Columns of a metric's value: a NaN is 0 with a mark. */
export function valueColumns(value: number): readonly [value: number, nan: number] {
  return Number.isNaN(value) ? [0, 1] : [value, 0];
}

export function metricOf(row: SqlRow): Metric {
  const value = numberOf(row, 'nan') === 1 ? Number.NaN : numberOf(row, 'value');
  return { key: textOf(row, 'key'), value, at: numberOf(row, 'at'), step: numberOf(row, 'step') };
}

/** Inserts rows by as few statements as the database allows. `into`: `table (columns)`. */
export async function insertRows(
  { sql, dialect }: { readonly sql: Sql; readonly dialect: SqlDialect },
  into: string,
  rows: readonly (readonly SqlValue[])[],
  conflict = '',
): Promise<void> {
  if (rows.length === 0) return;
  const width = rows[0].length;
  const most = Math.max(1, Math.floor(Math.min(dialect.mostValues, 2_000) / width));
  for (let at = 0; at < rows.length; at += most) {
    const part = rows.slice(at, at + most);
    const values = part.map(() => `(${marks(width)})`).join(', ');
    await sql.run(`INSERT INTO ${into} VALUES ${values} ${conflict}`, part.flat());
  }
}

/** Sets texts by key; of several with one key the last counts. */
export async function setTexts(
  database: { readonly sql: Sql; readonly dialect: SqlDialect },
  table: string,
  owner: number,
  texts: readonly KeyText[],
): Promise<void> {
  const last = new Map(texts.map(({ key, value }) => [key, value]));
  const rows = [...last].map(([key, value]) => [owner, key, value]);
  const conflict = 'ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value';
  await insertRows(database, `${table} (owner, key, value)`, rows, conflict);
}

/** Rows of a side table by their owner. */
export async function rowsByOwner(
  sql: Sql,
  select: string,
  owners: readonly number[],
  order: string,
): Promise<ReadonlyMap<number, readonly SqlRow[]>> {
  const found = new Map<number, SqlRow[]>();
  const most = 5_000;
  for (let at = 0; at < owners.length; at += most) {
    const part = owners.slice(at, at + most);
    // Numbers of this module's own, so they may stand in the text: a list of any length is one statement with few values.
    const rows = await sql.all(
      `${select} (${part.length === 1 ? '?' : part.join(', ')}) ORDER BY ${order}`,
      part.length === 1 ? part : [],
    );
    for (const row of rows) {
      const owner = numberOf(row, 'owner');
      const list = found.get(owner);
      if (list === undefined) found.set(owner, [row]);
      else list.push(row);
    }
  }
  return found;
}

/** Texts by key of many owners, in order of the keys. */
export async function textsByOwner(
  sql: Sql,
  table: string,
  owners: readonly number[],
): Promise<(owner: number) => readonly KeyText[]> {
  const rows = await rowsByOwner(sql, `SELECT owner, key, value FROM ${table} WHERE owner IN`, owners, 'owner, key');
  return (owner) => (rows.get(owner) ?? []).map((row) => ({ key: textOf(row, 'key'), value: textOf(row, 'value') }));
}
