import type { ColumnSpec } from '../schema/column.ts';

const ARRAY = /^(?:U?(?:TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\d+\)|FLOAT|DOUBLE)\[(\d*)\]$/;

/**
 * SQL of DuckDB that reads a list or array of numbers as an embedding: null where it has another length or a number that is
 * null or not finite. Null as a whole: the type has no such values.
 */
export function embeddingSql(column: string, type: string, spec: ColumnSpec): string | null {
  const [, size] = ARRAY.exec(type) ?? [];
  if (size === undefined || (size !== '' && Number(size) !== spec.length)) return null;
  return wholeEmbedding(`CAST(${column} AS DOUBLE[])`, spec);
}

/** The list where it is an embedding, else null. Minus zero is zero. */
export function wholeEmbedding(list: string, { length = 1 }: ColumnSpec): string {
  const bad = `LEN(LIST_FILTER(${list}, LAMBDA e: NOT COALESCE(ISFINITE(e), false)))`;
  return `CASE WHEN LEN(${list}) = ${length} AND ${bad} = 0 THEN LIST_TRANSFORM(${list}, LAMBDA e: e + 0.0) END`;
}
