import { rmSync } from 'node:fs';
import { DOUBLE, DuckDBArrayVector, type DuckDBConnection, DuckDBDataChunk, DuckDBFloatVector } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { cellFault } from '../../../ports/cell-fault.ts';
import type { OpenScoreTable, ScoredRange, ScoreRows, ScoreTable } from '../../../ports/score-files.ts';
import { columnsOf, quotedName, quotedPath, quotedText, type RelationColumn } from './file-relation.ts';
import { readFailure, writeFailure } from './score-failure.ts';
import { makeDurable } from './written-file.ts';

/** Types whose every value is a float32 number, or rounds to one. */
const PLAIN = /^(FLOAT|BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT))(\[\d*\])?$/;

/** Types whose values may be no float32 number: a text, a double beyond float32. */
const CHECKED = /^(DOUBLE|VARCHAR|DECIMAL\(\d+,\d+\)|U?HUGEINT)(\[\d*\])?$/;

/** Rows that are appended at a time. */
const CHUNK = 2_048;

/**
 * A Parquet file of rows to score, open in DuckDB. It reads a range as one array of float32 a row, which DuckDB lays out row by
 * row: no value is touched one by one.
 */
export class DuckScoreTable implements OpenScoreTable {
  readonly #table: ScoreTable;
  readonly #connection: DuckDBConnection;
  readonly #cells: readonly Cell[];
  readonly #close: () => void;

  private constructor(table: ScoreTable, connection: DuckDBConnection, cells: readonly Cell[], close: () => void) {
    this.#table = table;
    this.#connection = connection;
    this.#cells = cells;
    this.#close = close;
  }

  /** Errors: PREDICT_INPUT, PREDICT_COLUMN. */
  static async open(table: ScoreTable, connection: DuckDBConnection, close: () => void): Promise<DuckScoreTable> {
    const columns = await columnsOf(connection, `read_parquet(${quotedPath(table.path)}, hive_partitioning = false)`);
    for (const name of table.keep)
      if (!columns.some((column) => column.name === name)) throw noColumn(table.path, name, columns);
    return new DuckScoreTable(
      table,
      connection,
      table.features.map((name) => cellOf(table.path, name, columns)),
      close,
    );
  }

  async read(from: number, to: number): Promise<ScoreRows> {
    const width = this.#cells.length;
    const features = new Float32Array((to - from) * width);
    const unreadable = new Map<number, string>();
    try {
      // Values that fit take the short way; what does not fit is found by a second reading.
      if (this.#cells.every(({ isText }) => !isText) && (await this.#readPlain(from, to, features)))
        return { features, unreadable };
      await this.#readChecked(from, to, features, unreadable);
      return { features, unreadable };
    } catch (error) {
      throw readFailure(this.#table.path, error);
    }
  }

  async write(scored: ScoredRange, path: string): Promise<void> {
    try {
      await this.#append(scored);
      await this.#connection.run(
        `COPY (${this.#outputSql(scored)}) TO ${quotedText(path)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
      );
      makeDurable(path);
    } catch (error) {
      // A link to a device is not a file of ours.
      rmSync(path, { force: true });
      throw writeFailure(path, error) ?? readFailure(this.#table.path, error);
    }
  }

  close(): void {
    this.#close();
  }

  /** Whether every value was a number of float32; `features` holds them then. */
  async #readPlain(from: number, to: number, features: Float32Array): Promise<boolean> {
    const numbers = this.#cells.map(({ sql }) => `COALESCE(CAST(${sql} AS FLOAT), CAST('nan' AS FLOAT))`);
    const sql = `SELECT ${arrayOf(numbers)} FROM ${this.#range(from, to)}`;
    let chunks: readonly DuckDBDataChunk[];
    try {
      chunks = await this.#chunks(sql);
    } catch (error) {
      if (error instanceof Error && error.message.includes('Conversion Error')) return false;
      throw error;
    }
    this.#copy(chunks, to - from, features);
    return true;
  }

  async #readChecked(from: number, to: number, features: Float32Array, unreadable: Map<number, string>) {
    const numbers = this.#cells.map(({ sql }) => `COALESCE(TRY_CAST(${sql} AS FLOAT), CAST('nan' AS FLOAT))`);
    const faults = this.#cells.map(
      ({ sql, isText }, i) => `WHEN ${noNumber(sql, isText)} THEN '${i} ' || CAST(${sql} AS VARCHAR)`,
    );
    const sql = `SELECT ${arrayOf(numbers)}, CASE ${faults.join(' ')} END FROM ${this.#range(from, to)}`;
    const chunks = await this.#chunks(sql);
    this.#copy(chunks, to - from, features);
    let row = 0;
    for (const chunk of chunks) {
      for (const fault of chunk.getColumnValues(1)) {
        if (fault !== null) unreadable.set(row, this.#faultText(String(fault)));
        row += 1;
      }
    }
  }

  /** All chunks of a result, or its error: a streamed result does not tell an error from its end. */
  async #chunks(sql: string): Promise<readonly DuckDBDataChunk[]> {
    const result = await this.#connection.run(sql);
    return result.fetchAllChunks();
  }

  /** Copies the arrays of chunks. */
  #copy(chunks: readonly DuckDBDataChunk[], rows: number, features: Float32Array): void {
    const width = this.#cells.length;
    let at = 0;
    for (const chunk of chunks) {
      const vector = chunk.getColumnVector(0);
      const child = vector instanceof DuckDBArrayVector ? Reflect.get(vector, 'childData') : null;
      if (!(child instanceof DuckDBFloatVector)) throw new Error('a row came as something else than float32 numbers');
      const items: unknown = Reflect.get(child, 'items');
      if (!(items instanceof Float32Array)) throw new Error('a row came as something else than float32 numbers');
      features.set(items.subarray(0, chunk.rowCount * width), at * width);
      at += chunk.rowCount;
    }
    if (at !== rows) throw new Error(`${at} of the ${rows} rows of a range were read`);
  }

  async #append({ from, to, scores }: ScoredRange): Promise<void> {
    await this.#connection.run('CREATE OR REPLACE TEMP TABLE scored (score DOUBLE)');
    const appender = await this.#connection.createAppender('scored');
    try {
      for (let at = 0; at < to - from; at += CHUNK) {
        const size = Math.min(CHUNK, to - from - at);
        const chunk = DuckDBDataChunk.create([DOUBLE], size);
        const vector = chunk.getColumnVector(0);
        const items: unknown = Reflect.get(vector, 'items');
        if (!(items instanceof Float64Array)) throw new Error('DuckDB gives no doubles to write to');
        items.set(scores.subarray(at, at + size));
        vector.flush();
        appender.appendDataChunk(chunk);
      }
    } finally {
      appender.closeSync();
    }
  }

  #outputSql({ from, to, version, digest, job }: ScoredRange): string {
    const kept = this.#table.keep.map((name) => `t.${quotedName(name)}`);
    const columns = [
      'n._row',
      ...kept,
      's.score',
      `CAST(${version} AS INTEGER) AS model_version`,
      `${quotedText(digest)} AS artifact_digest`,
      `${quotedText(job)} AS job_id`,
    ];
    const numbered = `range(${from}, ${to}) AS n(_row) POSITIONAL JOIN scored AS s`;
    const rows = `(SELECT * FROM ${this.#range(from, to)}) AS t`;
    const source = kept.length === 0 ? numbered : `${numbered} POSITIONAL JOIN ${rows}`;
    return `SELECT ${columns.join(', ')} FROM ${source} WHERE NOT isnan(s.score)`;
  }

  #faultText(fault: string): string {
    const space = fault.indexOf(' ');
    const { name } = this.#cells[Number(fault.slice(0, space))];
    return cellFault(name, fault.slice(space + 1));
  }

  #range(from: number, to: number): string {
    const file = `read_parquet(${quotedPath(this.#table.path)}, hive_partitioning = false, file_row_number = true)`;
    return `(SELECT * FROM ${file} WHERE file_row_number >= ${from} AND file_row_number < ${to}) AS r`;
  }
}

interface Cell {
  readonly name: string;
  readonly sql: string;
  readonly isText: boolean;
}

function cellOf(path: string, name: string, columns: readonly RelationColumn[]): Cell {
  const whole = columns.find((column) => column.name === name);
  const [, list, place] = whole === undefined ? (/^(.+)\[(\d+)\]$/.exec(name) ?? []) : [];
  const column = whole ?? columns.find((one) => one.name === list);
  if (column === undefined) throw noColumn(path, name, columns);
  if (!PLAIN.test(column.type) && !CHECKED.test(column.type))
    throw fail('PREDICT_TYPE', { path, column: name, type: column.type });
  const quoted = quotedName(column.name);
  return {
    name,
    sql: place === undefined ? quoted : `${quoted}[${Number(place) + 1}]`,
    isText: column.type.startsWith('VARCHAR'),
  };
}

function noColumn(path: string, column: string, columns: readonly RelationColumn[]): Error {
  return fail('PREDICT_COLUMN', { path, column, found: columns.map(({ name }) => name) });
}

/** SQL of whether a cell is no number of float32. A text beyond float32 is cast to infinity, which it does not say. */
function noNumber(sql: string, isText: boolean): string {
  const number = `TRY_CAST(${sql} AS FLOAT)`;
  const tooLarge = `(ISINF(${number}) AND NOT CONTAINS(LOWER(${sql}), 'inf'))`;
  return `(${sql} IS NOT NULL AND (${number} IS NULL${isText ? ` OR ${tooLarge}` : ''}))`;
}

function arrayOf(numbers: readonly string[]): string {
  return `CAST([${numbers.join(', ')}] AS FLOAT[${numbers.length}])`;
}
