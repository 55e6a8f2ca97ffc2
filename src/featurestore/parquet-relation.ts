/** Files outside the offline store as a relation of SQL: characters of patterns in a path, and parts like `a=b`, mean nothing. */
export function parquetRelation(paths: readonly string[]): string {
  const list = paths.map((path) => `'${path.replaceAll(/[*?[]/g, '[$&]').replaceAll("'", "''")}'`);
  return `read_parquet([${list.join(', ')}], hive_partitioning = false)`;
}
