import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import type { ScoredForm } from '../../../ports/score-files.ts';
import { columnsOf, quotedName, quotedPath, quotedText, type RelationColumn, rowsOf } from './file-relation.ts';
import { writeFailure } from './score-failure.ts';
import { makeDurable } from './written-file.ts';

/** Folders that one file of scored rows may be cut into. */
const MOST_FOLDERS = 10_000;

/** Bytes of the name of a folder, as file systems bound it. */
const LONGEST_NAME = 255;

/** The value of a folder whose rows have none, as Hive, Spark and DuckDB write it. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__';

/** Types whose values name folders: each text of a value is of that value alone. */
const NAMING = /^(VARCHAR|BOOLEAN|DATE|ENUM\(.*|U?(TINYINT|SMALLINT|INTEGER|BIGINT))$/;

const COPY: Readonly<Record<ScoredForm['format'], string>> = {
  parquet: 'FORMAT parquet, COMPRESSION snappy',
  csv: 'FORMAT csv, HEADER true',
  jsonl: 'FORMAT json',
};

/**
 * Writes a Parquet file in another form below a folder; gives the paths below it. Rows keep their order within a file.
 * Errors: PREDICT_PARTITION, PREDICT_FULL, PREDICT_WRITE.
 */
export async function reshapeFile(
  connection: DuckDBConnection,
  path: string,
  { form: { format, partitionBy }, folder, name }: ReshapeOptions,
): Promise<readonly string[]> {
  const relation = `read_parquet(${quotedPath(path)}, hive_partitioning = false)`;
  const columns = await columnsOf(connection, relation);
  const cells = columns.filter((column) => column.name !== partitionBy).map((column) => cellSql(column, format));
  const file = `${name}.${format}`;
  const written: string[] = [];
  for (const place of partitionBy === null
    ? [null]
    : await placesOf(connection, { path, relation, columns }, partitionBy)) {
    const below = place === null ? file : join(place.folder, file);
    const to = join(folder, below);
    try {
      if (place !== null) mkdirSync(join(folder, place.folder), { recursive: true });
      const rows = `SELECT ${cells.join(', ')} FROM ${relation}${place === null ? '' : ` WHERE ${place.where}`}`;
      await connection.run(`COPY (${rows}) TO ${quotedText(to)} (${COPY[format]}, USE_TMP_FILE false)`);
      makeDurable(to);
    } catch (error) {
      throw writeFailure(to, error) ?? error;
    }
    written.push(below);
  }
  return written;
}

interface ReshapeOptions {
  readonly form: ScoredForm;
  readonly folder: string;
  /** Of the files, without their ending. */
  readonly name: string;
}

/** CSV has no lists: it has their JSON. JSON has no NaN and no infinity: it has null, as pandas writes it. */
function cellSql({ name, type }: RelationColumn, format: ScoredForm['format']): string {
  const quoted = quotedName(name);
  if (format === 'parquet') return quoted;
  const finite = (value: string) => `CASE WHEN ISFINITE(${value}) THEN ${value} END`;
  const isFloat = /^(FLOAT|DOUBLE)(\[\])?$/.test(type);
  const list = isFloat ? `LIST_TRANSFORM(${quoted}, LAMBDA e: ${finite('e')})` : quoted;
  if (type.endsWith(']')) return `${format === 'csv' ? `CAST(TO_JSON(${list}) AS VARCHAR)` : list} AS ${quoted}`;
  return isFloat && format === 'jsonl' ? `${finite(quoted)} AS ${quoted}` : quoted;
}

interface Place {
  readonly folder: string;
  readonly where: string;
}

interface Relation {
  readonly path: string;
  readonly relation: string;
  readonly columns: readonly RelationColumn[];
}

/** The folders of a file's rows: one for each value of the column. */
async function placesOf(
  connection: DuckDBConnection,
  { path, relation, columns }: Relation,
  column: string,
): Promise<readonly Place[]> {
  const refuse = (reason: string) => fail('PREDICT_PARTITION', { column, reason });
  const own = columns.find(({ name }) => name === column);
  if (own === undefined) throw refuse(`${path} has no such column`);
  if (!NAMING.test(own.type)) throw refuse(`it is a ${own.type}`);
  const text = `CAST(${quotedName(column)} AS VARCHAR)`;
  const sql = `SELECT DISTINCT ${text} AS value FROM ${relation} ORDER BY value LIMIT ${MOST_FOLDERS + 1}`;
  const values = (await rowsOf(connection, sql)).map(([value]) => (value === null ? null : String(value)));
  if (values.length > MOST_FOLDERS) throw refuse(`it has more than ${MOST_FOLDERS} values`);
  return values.map((value): Place => {
    if (value === '' || value === NO_VALUE) throw refuse(`no folder can stand for its value '${value}'`);
    const folder = `${escaped(column)}=${value === null ? NO_VALUE : escaped(value)}`;
    if (Buffer.byteLength(folder) > LONGEST_NAME) throw refuse(`its value '${value}' is too long for a folder`);
    return { folder, where: value === null ? `${text} IS NULL` : `${text} = ${quotedText(value)}` };
  });
}

/** The characters that Spark escapes in names of folders; all readers undo it. */
function escaped(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
    /[\u0001-\u001f\u007f"#%'*/:=?\\{[\]^]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
