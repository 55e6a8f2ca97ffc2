import type { DuckDBConnection } from '@duckdb/node-api';
import { type RowColumn, textLiteral } from '../../../files/row-file.ts';

/** A name in quotes. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal. */
export const quotedText = textLiteral;

/** A path as DuckDB takes it: characters of patterns stand for themselves. */
export function quotedPath(path: string): string {
  return quotedText(path.replaceAll(/[*?[]/g, '[$&]'));
}

/** Runs SQL, and gives all rows. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await connection.runAndReadAll(sql)).getRows();
}

/** A column of a relation; its type in DuckDB's words. */
export type RelationColumn = RowColumn;

/** The columns of a relation. */
export async function columnsOf(connection: DuckDBConnection, relation: string): Promise<readonly RelationColumn[]> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
  return described.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
}
