import { createReadStream } from 'node:fs';
import { fail } from '../base/errors/fail.ts';
import { DUCKDB_COMPRESSION, type Packing, packingOf, unpacked, verifyPacked } from './packed-file.ts';

/** Types of a guess that hold whole numbers beyond 64 bits: a double loses digits, and Parquet has no HUGEINT. */
const LOSSY = /^(DOUBLE|U?HUGEINT)$/;

/** Digits from which a whole number is looked at: a double holds shorter ones. */
const LONG = 16;

/**
 * The types of columns of JSON lines in which no whole number loses a digit: DOUBLE where it holds them all, otherwise UBIGINT,
 * DECIMAL(38, 0), or the text of the numbers.
 */
async function exactTypes(
  query: (sql: string) => Promise<readonly (readonly unknown[])[]>,
  lines: string,
  columns: readonly { readonly name: string; readonly type: string }[],
): Promise<readonly string[]> {
  const doubtful = columns.filter(({ type }) => LOSSY.test(type));
  if (doubtful.length === 0) return columns.map(({ type }) => type);
  const names = doubtful.map(({ name }) => `'${name.replaceAll("'", "''")}': 'JSON'`);
  const facts = doubtful.flatMap(({ name }) => factsOf(`("${name.replaceAll('"', '""')}"->>'$')`));
  const [found = []] = await query(
    `SELECT ${facts.join(', ')} FROM read_json(${lines}, columns = {${names.join(', ')}})`,
  );
  return columns.map((column) => {
    const at = doubtful.indexOf(column);
    return at < 0 ? column.type : typeOf(found.slice(at * FACTS, (at + 1) * FACTS));
  });
}

/** Of the texts of a column: whether one is a whole number that no double holds, whether all are whole, unsigned of 64 bits, of 38 digits. */
function factsOf(text: string): readonly string[] {
  const isLong = `REGEXP_FULL_MATCH(${text}, '-?\\d{${LONG},}')`;
  const held = `TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS HUGEINT) = TRY_CAST(${text} AS HUGEINT)`;
  return [
    `COALESCE(BOOL_OR(${isLong} AND NOT COALESCE(${held}, false)), false)`,
    `BOOL_AND(REGEXP_FULL_MATCH(${text}, '-?\\d+'))`,
    `BOOL_AND(CASE WHEN ${text} IS NOT NULL THEN TRY_CAST(${text} AS UBIGINT) IS NOT NULL END)`,
    `BOOL_AND(REGEXP_FULL_MATCH(${text}, '-?\\d{1,38}'))`,
  ];
}

const FACTS = 4;

function typeOf([isLost, areWhole, areUnsigned, areShort]: readonly unknown[]): string {
  if (isLost !== true) return 'DOUBLE';
  if (areWhole !== true || areShort !== true) return 'VARCHAR';
  return areUnsigned === true ? 'UBIGINT' : 'DECIMAL(38,0)';
}

/** The formats of files of rows. CSV and TSV have a header. */
export type RowFormat = 'parquet' | 'csv' | 'tsv' | 'jsonl';

/** A column of a file of rows; `type` in DuckDB's words, `JSON` where a value is read from its JSON text. */
export interface RowColumn {
  readonly name: string;
  readonly type: string;
}

/** A file of rows as a relation of DuckDB's SQL, in the order of its rows. */
export interface RowFile {
  readonly path: string;
  readonly relation: string;
  readonly columns: readonly RowColumn[];
  /** Whether cells are text whose type the file does not say. */
  readonly untyped: boolean;
}

/** Runs SQL in DuckDB, and gives all rows. */
export type RowQuery = (sql: string) => Promise<readonly (readonly unknown[])[]>;

/**
 * Opens a file of rows; the columns in `asJson` are read from JSON lines as their own JSON text. The file is whole where it is packed,
 * names each column once, and no digit of a whole number is lost. Errors: FILE_DAMAGED, FILE_NAMES, FILE_TEXT, FILE_WIDE for
 * text with more columns than `mostColumns`, those of the query.
 */
export async function openRowFile(
  query: RowQuery,
  path: string,
  format: RowFormat,
  asJson: ReadonlySet<string> = new Set(),
  mostColumns = Number.POSITIVE_INFINITY,
): Promise<RowFile> {
  const packing = await packingOf(path);
  const sql = textLiteral(path.replaceAll(/[*?[]/g, '[$&]'));
  // Left out, the name of a folder such as `year=2026` adds a column, or replaces one.
  const file = `${sql}, compression = ${DUCKDB_COMPRESSION[packing]}, hive_partitioning = false`;
  switch (format) {
    case 'parquet': {
      if (packing !== 'none')
        throw fail('FILE_DAMAGED', { path, reason: `a Parquet file is not packed by ${packing}` });
      refuseTwice(path, await parquetNames(query, sql));
      return opened(query, path, `read_parquet(${sql}, hive_partitioning = false)`, false);
    }
    case 'csv':
    case 'tsv': {
      const delimiterIn = (head: string) => (format === 'tsv' ? '\t' : delimiterOf(head));
      const head = await verifiedText(path, packing, (text) => refuseWide(path, text, delimiterIn(text), mostColumns));
      const delimiter = delimiterIn(head);
      refuseTwice(path, await headerNames(query, file, delimiter));
      return opened(query, path, csv(file, delimiter, true), true);
    }
    case 'jsonl':
      await verifyPacked(path, packing);
      await refuseSpellings(query, path, file);
      return jsonLines(query, path, file, asJson);
    default:
      return format satisfies never;
  }
}

/** A text literal of SQL. */
export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function opened(query: RowQuery, path: string, relation: string, untyped: boolean): Promise<RowFile> {
  return { path, relation, columns: await describe(query, relation), untyped };
}

async function describe(query: RowQuery, relation: string): Promise<readonly RowColumn[]> {
  const rows = await query(`DESCRIBE SELECT * FROM ${relation}`);
  return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
}

/**
 * Reads a file of text to its end, and gives its first bytes. A NUL is no text of a table: the file is UTF-16, or has blocks that
 * were never written. Errors: FILE_TEXT, FILE_DAMAGED.
 */
async function verifiedText(path: string, packing: Packing, checkHead: (head: string) => void): Promise<string> {
  const bytes: AsyncIterable<Buffer> = packing === 'none' ? createReadStream(path) : unpacked(path, packing);
  let head = '';
  let at = 0;
  for await (const chunk of bytes) {
    const found = chunk.indexOf(0);
    if (found >= 0) throw fail('FILE_TEXT', { path, reason: `it has a NUL byte at ${at + found}` });
    if (at === 0) {
      head = chunk.toString('utf8');
      checkHead(head);
    }
    at += chunk.length;
  }
  return head;
}

/** Refuses a header of many columns before a reader makes each of them. Error: FILE_WIDE. */
function refuseWide(path: string, head: string, delimiter: string, most: number): void {
  const [header = ''] = head.split(/[\r\n]/, 1);
  if (header.split(delimiter).length > most) throw fail('FILE_WIDE', { path, most });
}

/** The delimiter of CSV: a header without a comma is of a spreadsheet that separates by semicolons. */
function delimiterOf(text: string): string {
  // Names in quotes may hold any of both. The text may end within one.
  const parts = text.split('"');
  const unquoted = parts.filter((_, i) => i % 2 === 0 || i === parts.length - 1).join('');
  const [header = ''] = unquoted.split(/[\r\n]/, 1);
  return header.includes(';') && !header.includes(',') ? ';' : ',';
}

/** Refuses a file that names a column twice: a reader renames the second of two, or keeps one of both. SQL knows no case. */
function refuseTwice(path: string, names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) throw fail('FILE_NAMES', { path, column: other, other: name });
    seen.set(name.toLowerCase(), name);
  }
}

/** The same over all lines: one may have `Name`, and another one `name`. */
async function refuseSpellings(query: RowQuery, path: string, file: string): Promise<void> {
  const lines = `read_json_objects(${file}, format = 'newline_delimited')`;
  const spelt = `SELECT DISTINCT UNNEST(keys) AS name FROM (SELECT DISTINCT JSON_KEYS(json) AS keys FROM ${lines})`;
  const [found] = await query(
    `SELECT MIN(name), MAX(name) FROM (${spelt}) GROUP BY LOWER(name) HAVING COUNT(*) > 1 LIMIT 1`,
  );
  if (found !== undefined) throw fail('FILE_NAMES', { path, column: String(found[0]), other: String(found[1]) });
  const twice = await query(
    `SELECT UNNEST(keys) FROM (SELECT JSON_KEYS(json) AS keys FROM ${lines}) WHERE LEN(LIST_DISTINCT(keys)) < LEN(keys) LIMIT 1000`,
  );
  refuseTwice(
    path,
    twice.map(([name]) => String(name)),
  );
}

/** The columns of a Parquet file as they are written: those among all nodes of its schema, the root first, each followed by its own. */
async function parquetNames(query: RowQuery, sql: string): Promise<readonly string[]> {
  const found: string[] = [];
  let nested = 0;
  for (const [name, children] of await query(`SELECT name, num_children FROM parquet_schema(${sql}) OFFSET 1`)) {
    const isColumn = nested === 0;
    if (isColumn) found.push(String(name));
    nested += Number(children ?? 0) - (isColumn ? 0 : 1);
  }
  return found;
}

/** The names of a header as they are written. */
async function headerNames(query: RowQuery, file: string, delimiter: string): Promise<readonly string[]> {
  const [names = []] = await query(`SELECT * FROM ${csv(file, delimiter, false)} LIMIT 1`);
  return names.flatMap((name) => (name === null ? [] : [String(name)]));
}

/** Texts of truth values: those of JSON, of pandas, and of spreadsheets. */
export const BOOLEAN_TEXTS: readonly string[] = ['true', 'false', 'True', 'False', 'TRUE', 'FALSE'];

/** Every cell is text: the file says no types, and a guess from its first rows would turn 007 into 7. "" is the empty text, nothing is null. */
function csv(file: string, delimiter: string, hasHeader: boolean): string {
  return `read_csv(${file}, header = ${hasHeader}, all_varchar = true, delim = '${delimiter}', quote = '"', escape = '"', skip = 0, allow_quoted_nulls = false, comment = '', encoding = 'utf-8')`;
}

/** Types that a text may look like; a field of a struct may have such a name, so a type is what ends an entry. */
const LOOKALIKE = /\b(DATE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?|TIME|UUID)\b(?=[[,)]|$)/g;

/** A text stays a text, whatever it looks like. */
async function jsonLines(query: RowQuery, path: string, file: string, asJson: ReadonlySet<string>): Promise<RowFile> {
  const lines = `${file}, format = 'newline_delimited'`;
  const guessed = await describe(query, `read_json(${lines}, sample_size = -1)`);
  const columns = guessed.map(({ name, type }): RowColumn => {
    if (asJson.has(name)) return { name, type: 'JSON' };
    return { name, type: type.replaceAll(LOOKALIKE, 'VARCHAR') };
  });
  const exact = await exactTypes(query, lines, columns);
  const types = columns.map(({ name }, i) => `${textLiteral(name)}: ${textLiteral(exact[i])}`);
  const relation = `read_json(${lines}, columns = {${types.join(', ')}})`;
  return { path, relation, columns: columns.map(({ name }, i) => ({ name, type: exact[i] })), untyped: false };
}
