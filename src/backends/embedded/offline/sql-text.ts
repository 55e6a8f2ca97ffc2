/** A name in quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal. DuckDB reads no escapes in one. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The files as a relation. */
export function readParquet(paths: readonly string[]): string {
  return `read_parquet(${pathList(paths)})`;
}

/** A list of paths, in which characters that DuckDB takes for patterns stand for themselves. */
export function pathList(paths: readonly string[]): string {
  return `[${paths.map((path) => quoteText(path.replaceAll(/[*?[]/g, '[$&]'))).join(', ')}]`;
}
