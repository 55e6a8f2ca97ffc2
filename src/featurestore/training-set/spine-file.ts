import { createReadStream, existsSync } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';

/** The formats that a spine is read from. CSV and TSV have a header. */
export type SpineFormat = 'parquet' | 'csv' | 'tsv' | 'jsonl';

/** A column of a spine in its file; `type` in DuckDB's words, `JSON` where a value is read from its JSON text. */
export interface SpineColumn {
  readonly name: string;
  readonly type: string;
}

/** A spine as a relation of SQL. */
export interface SpineFile {
  readonly path: string;
  readonly relation: string;
  readonly columns: readonly SpineColumn[];
  /** Whether cells are text whose type the file does not say. */
  readonly untyped: boolean;
}

const ENDINGS: readonly (readonly [RegExp, SpineFormat])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz)?$/i, 'csv'],
  [/\.tsv(\.gz)?$/i, 'tsv'],
  [/\.(jsonl|ndjson)(\.gz)?$/i, 'jsonl'],
];

/**
 * Opens a spine; `read` are the columns that are read as declared values: in JSON lines from their own text, so that no
 * digit is lost on the way. Errors: SPINE_FORMAT, SPINE_FILE, SPINE_NAME.
 */
export async function openSpineFile(
  offline: Pick<OfflineStore, 'query'>,
  path: string,
  format: SpineFormat | null,
  read: ReadonlySet<string>,
): Promise<SpineFile> {
  if (!existsSync(path)) throw fail('SPINE_FILE', { path, reason: 'there is no such file' });
  const known = format ?? ENDINGS.find(([ending]) => ending.test(path))?.[1];
  if (known === undefined) throw fail('SPINE_FORMAT', { path });
  if (path.endsWith('.gz')) await checkGzip(path);
  const file = textLiteral(path.replaceAll(/[*?[]/g, '[$&]'));
  await refuseTwice(offline, path, file, known);
  if (known === 'jsonl') return jsonLines(offline, path, file, read);
  const relation = known === 'parquet' ? `read_parquet(${file}, hive_partitioning = false)` : csv(file, known);
  return { path, relation, columns: await describe(offline, path, relation), untyped: known !== 'parquet' };
}

/** Runs SQL over a spine: what is wrong is wrong with the file. Error: SPINE_FILE. */
export async function readingSpine<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) throw error;
    throw fail('SPINE_FILE', { path, reason: String(error.facts['reason']) }, error);
  }
}

/** A text literal of SQL. */
export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name in quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Refuses a file that names a column twice: a reader renames the second of two, or keeps one of both. Error: SPINE_NAME. */
async function refuseTwice(
  offline: Pick<OfflineStore, 'query'>,
  path: string,
  file: string,
  format: SpineFormat,
): Promise<void> {
  const seen = new Set<string>();
  for (const name of await readingSpine(path, () => writtenNames(offline, file, format))) {
    // As SQL, without regard to case.
    const known = name.toLowerCase();
    if (seen.has(known)) throw fail('SPINE_NAME', { column: name });
    seen.add(known);
  }
}

/** The names of the columns as they are written; of JSON lines those of the first line that has one twice. */
async function writtenNames(
  offline: Pick<OfflineStore, 'query'>,
  file: string,
  format: SpineFormat,
): Promise<readonly string[]> {
  if (format === 'parquet') return topNames(offline, `SELECT name, num_children FROM parquet_schema(${file}) OFFSET 1`);
  const names = 'LIST_TRANSFORM(JSON_KEYS(json), LAMBDA name: LOWER(name))';
  const sql =
    format === 'jsonl'
      ? `SELECT UNNEST(names) FROM (SELECT ${names} AS names FROM read_json_objects(${file}, format = 'newline_delimited') WHERE LEN(LIST_DISTINCT(${names})) < LEN(${names}) LIMIT 1)`
      : `SELECT UNNEST([*COLUMNS(*)]) FROM (SELECT * FROM ${csv(file, format, false)} LIMIT 1)`;
  const found: string[] = [];
  for await (const rows of offline.query(sql)) for (const [name] of rows) if (name !== null) found.push(String(name));
  return found;
}

/** The columns among all nodes of a schema: the root first, each followed by what it holds. */
async function topNames(offline: Pick<OfflineStore, 'query'>, sql: string): Promise<readonly string[]> {
  const found: string[] = [];
  let nested = 0;
  for await (const rows of offline.query(sql)) {
    for (const [name, children] of rows) {
      const isColumn = nested === 0;
      if (isColumn) found.push(String(name));
      nested += Number(children ?? 0) - (isColumn ? 0 : 1);
    }
  }
  return found;
}

/** Every cell is text: the file says no types, and a guess from its first rows would turn 007 into 7. "" is the empty text, nothing is null. */
function csv(file: string, format: 'csv' | 'tsv', hasHeader = true): string {
  const delimiter = format === 'csv' ? ',' : '\t';
  return `read_csv(${file}, header = ${hasHeader}, all_varchar = true, delim = '${delimiter}', quote = '"', escape = '"', skip = 0, allow_quoted_nulls = false, comment = '', encoding = 'utf-8')`;
}

async function jsonLines(
  offline: Pick<OfflineStore, 'query'>,
  path: string,
  file: string,
  read: ReadonlySet<string>,
): Promise<SpineFile> {
  const guess = `read_json(${file}, format = 'newline_delimited', sample_size = -1)`;
  const columns = (await describe(offline, path, guess)).map(({ name, type }): SpineColumn => {
    if (read.has(name)) return { name, type: 'JSON' };
    // A text stays what it is, whatever it looks like.
    return { name, type: type.replaceAll(/\b(DATE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?|TIME|UUID)\b/g, 'VARCHAR') };
  });
  const types = columns.map(({ name, type }) => `${textLiteral(name)}: ${textLiteral(type)}`);
  const relation = `read_json(${file}, format = 'newline_delimited', columns = {${types.join(', ')}})`;
  return { path, relation, columns, untyped: false };
}

async function describe(
  offline: Pick<OfflineStore, 'query'>,
  path: string,
  relation: string,
): Promise<readonly SpineColumn[]> {
  return readingSpine(path, async () => {
    const found: SpineColumn[] = [];
    for await (const rows of offline.query(`DESCRIBE SELECT * FROM ${relation}`))
      for (const [name, type] of rows) found.push({ name: String(name), type: String(type) });
    return found;
  });
}

/** A reader that stops after the last whole line would take a truncated file for a whole one. */
async function checkGzip(path: string): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  await pipeline(createReadStream(path), createGunzip(), nowhere).catch((error: unknown) => {
    throw fail('SPINE_FILE', { path, reason: reasonOf(error) }, error);
  });
}
