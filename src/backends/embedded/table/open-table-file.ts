import { statSync } from 'node:fs';
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import { DUCKDB_COMPRESSION, type Packing, packingOf, verifyPacked } from '../../../files/packed-file.ts';
import type { ColumnValues, TableFile, TableFileColumn } from '../../../ports/table-file.ts';
import { columnMemory } from '../parquet/column-memory.ts';
import { streamChunks } from '../parquet/stream-chunks.ts';

/** Types that are numbers to a statistic; times are, as epoch ms. */
const NUMBERS =
  /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|DOUBLE|DECIMAL)/;
const TIMES = /^(DATE|TIMESTAMP)/;

/**
 * Opens Parquet or CSV files (the ending says which; .gz may follow .csv; a glob, or commas between) by DuckDB. Packed files are read
 * to their ends before. Errors: DRIFT_FILE, FILE_DAMAGED.
 */
export async function openTableFile(path: string): Promise<TableFile> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '2',
    memory_limit: '1GB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  const close = async () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    // An instant with a zone is the same on every machine.
    await connection.run(`SET TimeZone = 'UTC'`);
    for (const one of path.split(','))
      if (!one.includes('*') && !statSync(one).isFile()) throw new Error(`${one} is no file`);
    const relation = await relationOf(connection, path);
    const columns = await columnsOf(connection, relation);
    const counted = await connection.runAndReadAll(`SELECT COUNT(*) FROM ${relation}`);
    return tableOf({ path, relation, columns, rows: Number(counted.getRows()[0]?.[0]) }, connection, close);
  } catch (error) {
    await close();
    throw isHeadraceError(error) ? error : fail('DRIFT_FILE', { path, reason: reasonOf(error) }, error);
  }
}

interface Facts {
  readonly path: string;
  readonly relation: string;
  readonly columns: readonly TableFileColumn[];
  readonly rows: number;
}

/** A CSV is read once into memory: each of its columns would otherwise be a pass over all of its text. */
async function relationOf(connection: DuckDBConnection, path: string): Promise<string> {
  const text = `[${path
    .split(',')
    .map((one) => `'${one.replaceAll("'", "''")}'`)
    .join(', ')}]`;
  if (!/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return `read_parquet(${text}, union_by_name = true)`;
  const packings = new Set<Packing>();
  for (const [file] of (await connection.runAndReadAll(`SELECT file FROM GLOB(${text})`)).getRows()) {
    const packing = await packingOf(String(file));
    await verifyPacked(String(file), packing);
    packings.add(packing);
  }
  const [packing] = packings;
  const compression =
    packings.size === 1 && packing !== undefined ? `, compression = ${DUCKDB_COMPRESSION[packing]}` : '';
  await connection.run(
    `CREATE TABLE held AS SELECT * FROM read_csv(${text}, header = true, sample_size = -1, union_by_name = true${compression})`,
  );
  return 'held';
}

async function columnsOf(connection: DuckDBConnection, relation: string): Promise<readonly TableFileColumn[]> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`);
  return described.getRows().map(([name, declared]) => {
    const type = String(declared);
    const number = (NUMBERS.test(type) || TIMES.test(type)) && !type.endsWith('[]');
    return { name: String(name), type: number ? 'number' : 'text', declared: type };
  });
}

function tableOf(facts: Facts, connection: DuckDBConnection, close: () => Promise<void>): TableFile {
  const { path, relation, columns, rows } = facts;
  const selected = (name: string) => {
    const column = columns.find((one) => one.name === name);
    if (column === undefined)
      throw fail('DRIFT_COLUMN', { what: 'the column', column: name, path, known: columns.map((one) => one.name) });
    return { column, sql: columnSql(column) };
  };
  async function* batches(
    names: readonly string[],
    order: string | null = null,
  ): AsyncGenerator<readonly ColumnValues[]> {
    const chosen = names.map(selected);
    const sorted = order === null ? '' : ` ORDER BY ${quoted(order)}`;
    const sql = `SELECT ${chosen.map((one) => one.sql).join(', ')} FROM ${relation}${sorted}`;
    try {
      for await (const chunk of streamChunks(connection, sql))
        yield chosen.map(({ column }, c) => valuesOf(chunk, c, column.type));
    } catch (error) {
      throw fail('DRIFT_FILE', { path, reason: reasonOf(error) }, error);
    } finally {
      // A reader that stops early leaves the transaction of the stream open.
      await connection.run('ROLLBACK').catch(() => undefined);
    }
  }
  return {
    path,
    rows,
    columns,
    batches: (names) => batches(names),
    column: async (name, order = null) => {
      const numbers = selected(name).column.type === 'number';
      const all = new Float64Array(numbers ? rows : 0);
      const texts: (string | null)[] = [];
      let at = 0;
      for await (const [part] of batches([name], order)) {
        if (part instanceof Float64Array) all.set(part, at);
        else texts.push(...part);
        at += part.length;
      }
      if (at !== rows) throw fail('DRIFT_FILE', { path, reason: `it has ${rows} rows, and ${at} of them were read` });
      return numbers ? all : texts;
    },
    vectors: async (name, most, order = null) => {
      const column = quoted(selected(name).column.name);
      const counted = await connection.runAndReadAll(`SELECT COUNT(${column}) FROM ${relation}`);
      const filled = Number(counted.getRows()[0]?.[0]);
      const step = Math.max(1, Math.ceil(filled / most));
      const sorted = order === null ? '' : quoted(selected(order).column.name);
      // Rows are numbered as they stream: a window over a column of lists would hold all of it.
      const sql = `SELECT v FROM (SELECT CAST(${column} AS DOUBLE[]) AS v, ${sorted === '' ? 'NULL' : sorted} AS o, ROW_NUMBER() OVER () AS r
FROM ${relation} WHERE ${column} IS NOT NULL) WHERE (r - 1) % ${step} = 0${sorted === '' ? ' ORDER BY r' : ' ORDER BY o, r'}`;
      const sample: Float64Array[] = [];
      try {
        for (const [cell] of (await connection.runAndReadAll(sql)).getRowsJS()) sample.push(numbersOf(cell));
      } catch (error) {
        throw fail('DRIFT_FILE', { path, reason: reasonOf(error) }, error);
      }
      return { missing: rows - filled, sample };
    },
    missingTogether: async (names) => {
      const both = names.map((name) => `${quoted(name)} IS NULL`).join(' AND ');
      const counted = await connection.runAndReadAll(`SELECT COUNT(*) FROM ${relation} WHERE ${both}`);
      return Number(counted.getRows()[0]?.[0]);
    },
    close,
  };
}

function columnSql({ name, type, declared }: TableFileColumn): string {
  const column = quoted(name);
  if (type === 'text') return `CAST(${column} AS VARCHAR)`;
  const number = TIMES.test(declared) ? `EPOCH_MS(CAST(${column} AS TIMESTAMP))` : column;
  return `COALESCE(CAST(${number} AS DOUBLE), 'NaN'::DOUBLE)`;
}

function valuesOf(chunk: DuckDBDataChunk, c: number, type: 'number' | 'text'): ColumnValues {
  const length = chunk.rowCount;
  // Its query has NaN for null.
  if (type === 'number') return columnMemory(chunk, c, 'FP64').slice(0, length);
  const vector = chunk.getColumnVector(c);
  const texts: (string | null)[] = new Array(length);
  for (let i = 0; i < length; i += 1) {
    const value = vector.getItem(i);
    texts[i] = value === null ? null : String(value);
  }
  return texts;
}

/** A null in a list is NaN. */
function numbersOf(cell: unknown): Float64Array {
  return Float64Array.from(Array.isArray(cell) ? cell : [], (one) => (one === null ? Number.NaN : Number(one)));
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
