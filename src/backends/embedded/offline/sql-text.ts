import { type OfflineTable, SQL_TYPES } from '../../../ports/offline-store.ts';

/** A name in quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal. DuckDB reads no escapes in one. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The files as a relation with the columns of the files: parts of a path such as `a=b` are not columns. */
export function readParquet(paths: readonly string[]): string {
  return `read_parquet(${pathList(paths)}, hive_partitioning = false)`;
}

/** A list of paths. */
export function pathList(paths: readonly string[]): string {
  return `[${paths.map((path) => quoteText(pathPattern(path))).join(', ')}]`;
}

/** The path as DuckDB takes it: characters of patterns stand for themselves in brackets. */
function pathPattern(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]');
}

/** The text literals of SQL. */
export function textsOf(sql: string): ReadonlySet<string> {
  return new Set([...sql.matchAll(/'((?:[^']|'')*)'/g)].map(([, text]) => text.replaceAll("''", "'")));
}

/** A SELECT without rows, of a table's columns. */
export function nothingOf({ columns }: OfflineTable): string {
  const nulls = Object.entries(columns).map(([name, type]) => `CAST(NULL AS ${SQL_TYPES[type]}) AS ${quoteName(name)}`);
  return `SELECT ${nulls.join(', ')} WHERE false`;
}
