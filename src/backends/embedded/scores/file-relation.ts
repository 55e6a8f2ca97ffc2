import type { DuckDBConnection } from '@duckdb/node-api';
import type { ScoreFormat } from '../../../ports/score-files.ts';

/** A name in quotes. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text literal. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path as DuckDB takes it: characters of patterns stand for themselves. */
export function quotedPath(path: string): string {
  return quotedText(path.replaceAll(/[*?[]/g, '[$&]'));
}

/** A file as a relation of SQL, in the order of its rows. Cells of CSV and TSV are texts, and an empty one is null. */
export async function fileRelation(connection: DuckDBConnection, path: string, format: ScoreFormat): Promise<string> {
  const file = quotedPath(path);
  switch (format) {
    case 'parquet':
      return `read_parquet(${file}, hive_partitioning = false)`;
    case 'csv':
    case 'tsv': {
      const delimiter = format === 'csv' ? ',' : '\t';
      return `read_csv(${file}, header = true, all_varchar = true, delim = '${delimiter}', quote = '"', escape = '"', skip = 0, allow_quoted_nulls = false, comment = '', encoding = 'utf-8')`;
    }
    case 'jsonl':
      return jsonLines(connection, file);
    default:
      return format satisfies never;
  }
}

/** Types that a text may look like; a field of a struct may have such a name, so a type is what ends an entry. */
const LOOKALIKE = /\b(DATE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?|TIME|UUID)\b(?=[[,)]|$)/g;

/** A text stays a text, whatever it looks like. */
async function jsonLines(connection: DuckDBConnection, file: string): Promise<string> {
  const guess = `read_json(${file}, format = 'newline_delimited', sample_size = -1)`;
  const types = (await columnsOf(connection, guess)).map(({ name, type }) => {
    const kept = type.replaceAll(LOOKALIKE, 'VARCHAR');
    return `${quotedText(name)}: ${quotedText(kept)}`;
  });
  return `read_json(${file}, format = 'newline_delimited', columns = {${types.join(', ')}})`;
}

/** A column of a relation; its type in DuckDB's words. */
export interface RelationColumn {
  readonly name: string;
  readonly type: string;
}

/** The columns of a relation. */
export async function columnsOf(connection: DuckDBConnection, relation: string): Promise<readonly RelationColumn[]> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
  return described.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
}
