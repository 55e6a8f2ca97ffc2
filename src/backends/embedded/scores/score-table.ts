import { rmSync } from 'node:fs';
import {
  DuckDBArrayValue,
  DuckDBArrayVector,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBListValue,
} from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { cellFault, faultyCell } from '../../../model/cell-fault.ts';
import {
  cellNumberSql,
  DUCK_TYPES,
  elementType,
  isUnfitSql,
  numberColumn,
  quickNumberSql,
} from '../../../model/cell-sql.ts';
import { type ModelRows, newRows } from '../../../model/model-rows.ts';
import { isFloatType, type NumberType } from '../../../model/number-type.ts';
import { type RowInputs, textPlaces, typesOfFeatures } from '../../../model/row-inputs.ts';
import type { OpenScoreTable, ScoredRange, ScoreRows, ScoreTable, UnreadableRow } from '../../../ports/score-files.ts';
import { type NumericTensorData, tensorArrays } from '../../../schema/tensor.ts';
import { appendColumns, columnSql } from './column-append.ts';
import { columnsOf, quotedName, quotedPath, quotedText, type RelationColumn } from './file-relation.ts';
import { readFailure, writeFailure } from './score-failure.ts';
import { makeDurable } from './written-file.ts';

/**
 * A Parquet file of rows to score, open in DuckDB. It reads a range as one array a row for each input of the model, in the input's type,
 * which DuckDB lays out row by row: no value is touched one by one.
 */
export class DuckScoreTable implements OpenScoreTable {
  readonly #table: ScoreTable;
  readonly #inputs: RowInputs;
  readonly #connection: DuckDBConnection;
  /** The features, in order. */
  readonly #cells: readonly Cell[];
  readonly #close: () => void;

  private constructor({ table, inputs, cells }: Opened, connection: DuckDBConnection, close: () => void) {
    this.#table = table;
    this.#inputs = inputs;
    this.#connection = connection;
    this.#cells = cells;
    this.#close = close;
  }

  /** Errors: PREDICT_INPUT, PREDICT_COLUMN, PREDICT_TYPE. */
  static async open(
    table: ScoreTable,
    inputs: RowInputs,
    connection: DuckDBConnection,
    close: () => void,
  ): Promise<DuckScoreTable> {
    const columns = await columnsOf(connection, `read_parquet(${quotedPath(table.path)}, hive_partitioning = false)`);
    for (const name of table.keep)
      if (!columns.some((column) => column.name === name)) throw noColumn(table.path, name, columns);
    const types = typesOfFeatures(inputs);
    const texts = textPlaces(inputs);
    const cells = table.features.map((name, i) =>
      texts.has(i) ? textCellOf(table.path, name, columns) : cellOf(table.path, { name, type: types[i] }, columns),
    );
    return new DuckScoreTable({ table, inputs, cells }, connection, close);
  }

  async read(from: number, to: number): Promise<ScoreRows> {
    try {
      // Values that fit take the short way; what does not fit is found by a second reading.
      return (await this.#readQuick(from, to)) ?? (await this.#readChecked(from, to));
    } catch (error) {
      throw readFailure(this.#table.path, error);
    }
  }

  async write(scored: ScoredRange, path: string): Promise<void> {
    try {
      await appendColumns(this.#connection, scored);
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

  /** The rows, where every value fits; null: look at each. */
  async #readQuick(from: number, to: number): Promise<ScoreRows | null> {
    const numbers = this.#cells.map(({ quick }) => quick);
    if (!numbers.every((sql) => sql !== null)) return null;
    const rows = newRows(this.#inputs, to - from);
    const sql = `SELECT ${this.#arrays(numbers).join(', ')} FROM ${this.#range(from, to)}`;
    let chunks: readonly DuckDBDataChunk[];
    try {
      chunks = await this.#chunks(sql);
    } catch (error) {
      if (error instanceof Error && error.message.includes('Conversion Error')) return null;
      throw error;
    }
    this.#copy(chunks, rows);
    return { rows, unreadable: new Map() };
  }

  async #readChecked(from: number, to: number): Promise<ScoreRows> {
    const faults = this.#cells.map(({ fault }, i) => `WHEN ${fault.isUnfit} THEN '${i}' || ${fault.text}`);
    const arrays = this.#arrays(this.#cells.map(({ number }) => number));
    const texts = this.#textLists();
    const columns = [...arrays, ...texts, `CASE ${faults.join(' ')} END`];
    const chunks = await this.#chunks(`SELECT ${columns.join(', ')} FROM ${this.#range(from, to)}`);
    const numbers = newRows(this.#inputs, to - from);
    this.#copy(chunks, numbers);
    const rows = texts.length === 0 ? numbers : { ...numbers, texts: this.#texts(chunks, arrays.length) };
    const unreadable = new Map<number, UnreadableRow>();
    let first = 0;
    for (const chunk of chunks) {
      for (const [i, fault] of chunk.getColumnValues(columns.length - 1).entries())
        if (fault !== null)
          unreadable.set(first + i, { reason: this.#faultText(String(fault)), features: this.#row(chunk, i) });
      first += chunk.rowCount;
    }
    return { rows, unreadable };
  }

  /** The numbers of each input as an array. */
  #arrays(numbers: readonly string[]): readonly string[] {
    return this.#inputs.inputs.map(({ type, places }) => {
      const missing = isFloatType(type) ? `CAST('nan' AS ${DUCK_TYPES[type]})` : null;
      const items = places.map((place) =>
        missing === null ? numbers[place] : `COALESCE(${numbers[place]}, ${missing})`,
      );
      return `CAST([${items.join(', ')}] AS ${DUCK_TYPES[type]}[${places.length}])`;
    });
  }

  /** The texts of each input of texts as a list; a missing one is null, and its row is unreadable. */
  #textLists(): readonly string[] {
    const texts = this.#inputs.texts ?? [];
    return texts.map(({ places }) => `[${places.map((place) => this.#cells[place].number).join(', ')}]`);
  }

  #texts(chunks: readonly DuckDBDataChunk[], first: number): readonly (readonly Uint8Array[])[] {
    const encoder = new TextEncoder();
    return (this.#inputs.texts ?? []).map((_, i) =>
      chunks.flatMap((chunk) =>
        chunk.getColumnValues(first + i).flatMap((list) => {
          if (!(list instanceof DuckDBListValue)) throw new Error('texts came as something else than a list');
          return list.items.map((text) => encoder.encode(text === null ? '' : String(text)));
        }),
      ),
    );
  }

  /** The cells of one row: its numbers and texts, NaN where one is missing or does not fit. */
  #row(chunk: DuckDBDataChunk, row: number): readonly (number | bigint | string)[] {
    const cells = this.#cells.map((): number | bigint | string => Number.NaN);
    const { inputs, texts = [] } = this.#inputs;
    for (const [i, { places }] of [...inputs, ...texts].entries()) {
      const list = chunk.getColumnVector(i).getItem(row);
      if (!(list instanceof DuckDBArrayValue || list instanceof DuckDBListValue))
        throw new Error('a row came as something else than a list');
      for (const [k, place] of places.entries()) {
        const cell = list.items[k];
        if (typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'string') cells[place] = cell;
      }
    }
    return cells;
  }

  /** All chunks of a result, or its error: a streamed result does not tell an error from its end. */
  async #chunks(sql: string): Promise<readonly DuckDBDataChunk[]> {
    const result = await this.#connection.run(sql);
    return result.fetchAllChunks();
  }

  /** Copies the arrays of chunks. */
  #copy(chunks: readonly DuckDBDataChunk[], { rows, data }: ModelRows): void {
    let at = 0;
    for (const chunk of chunks) {
      for (const [i, { type, places }] of this.#inputs.inputs.entries()) {
        const items = itemsOf(chunk, i).subarray(0, chunk.rowCount * places.length);
        if (items.constructor !== tensorArrays[type]) throw new Error(`a row came as something else than ${type}`);
        Reflect.apply(data[i].set, data[i], [items, at * places.length]);
      }
      at += chunk.rowCount;
    }
    if (at !== rows) throw new Error(`${at} of the ${rows} rows of a range were read`);
  }

  #outputSql({ from, to, columns: answers, version, digest, job }: ScoredRange): string {
    const kept = this.#table.keep.map((name) => `t.${quotedName(name)}`);
    const columns = [
      'n._row',
      ...kept,
      ...answers.map(({ name }, i) => `${columnSql(i)} AS ${quotedName(name)}`),
      `CAST(${version} AS INTEGER) AS model_version`,
      `${quotedText(digest)} AS artifact_digest`,
      `${quotedText(job)} AS job_id`,
    ];
    const numbered = `range(${from}, ${to}) AS n(_row) POSITIONAL JOIN scored AS s`;
    const rows = `(SELECT * FROM ${this.#range(from, to)}) AS t`;
    const source = kept.length === 0 ? numbered : `${numbered} POSITIONAL JOIN ${rows}`;
    return `SELECT ${columns.join(', ')} FROM ${source} WHERE s.is_scored`;
  }

  #faultText(fault: string): string {
    const { name, type } = this.#cells[Number.parseInt(fault, 10)];
    return cellFault(name, faultyCell(fault), type);
  }

  #range(from: number, to: number): string {
    const file = `read_parquet(${quotedPath(this.#table.path)}, hive_partitioning = false, file_row_number = true)`;
    return `(SELECT * FROM ${file} WHERE file_row_number >= ${from} AND file_row_number < ${to}) AS r`;
  }
}

interface Opened {
  readonly table: ScoreTable;
  readonly inputs: RowInputs;
  readonly cells: readonly Cell[];
}

/** A feature, and the SQL of its cells. */
interface Cell {
  readonly name: string;
  /** BYTES: a text. */
  readonly type: NumberType | 'BYTES';
  /** Its number in the short way; null: it has none. */
  readonly quick: string | null;
  /** Its number or text, null where it is missing or does not fit. */
  readonly number: string;
  /** Whether it does not fit, and the text of the fault after the place. */
  readonly fault: { readonly isUnfit: string; readonly text: string };
}

interface NumberedName {
  readonly name: string;
  readonly type: NumberType;
}

function cellOf(path: string, { name, type }: NumberedName, columns: readonly RelationColumn[]): Cell {
  const { sql, type: found } = columnOf(path, name, columns);
  const own = numberColumn(found);
  if (own === null) throw fail('PREDICT_TYPE', { path, column: name, type: found });
  const number = cellNumberSql(sql, own, type);
  const letter = own.kind === 'DOUBLE' || own.kind === 'FLOAT' ? 'n' : 't';
  return {
    name,
    type,
    quick: isFloatType(type) && own.kind !== 'text' ? quickNumberSql(sql, own, type) : null,
    number,
    fault: { isUnfit: isUnfitSql(sql, number, type), text: `COALESCE('${letter} ' || CAST(${sql} AS VARCHAR), 'm')` },
  };
}

/** A text is fed as it is; a number is none. */
function textCellOf(path: string, name: string, columns: readonly RelationColumn[]): Cell {
  const { sql, type } = columnOf(path, name, columns);
  if (type !== 'VARCHAR' && !type.startsWith('ENUM(')) throw fail('PREDICT_TEXT', { path, column: name, type });
  const number = `CAST(${sql} AS VARCHAR)`;
  return { name, type: 'BYTES', quick: null, number, fault: { isUnfit: `(${sql} IS NULL)`, text: "'m'" } };
}

/** The SQL and the type of a column, or of an element of a list: `taste[0]`. */
function columnOf(path: string, name: string, columns: readonly RelationColumn[]): { sql: string; type: string } {
  const whole = columns.find((column) => column.name === name);
  const [, list, place] = whole === undefined ? (/^(.+)\[(\d+)\]$/.exec(name) ?? []) : [];
  const column = whole ?? columns.find((one) => one.name === list);
  if (column === undefined) throw noColumn(path, name, columns);
  const quoted = quotedName(column.name);
  if (place === undefined) return { sql: quoted, type: column.type };
  return { sql: `${quoted}[${Number(place) + 1}]`, type: elementType(column.type) };
}

function noColumn(path: string, column: string, columns: readonly RelationColumn[]): Error {
  return fail('PREDICT_COLUMN', { path, column, found: columns.map(({ name }) => name) });
}

/** The memory of the items of a column of arrays. */
function itemsOf(chunk: DuckDBDataChunk, column: number): NumericTensorData {
  const vector = chunk.getColumnVector(column);
  const items: unknown = Reflect.get(Object(Reflect.get(vector, 'childData')), 'items');
  if (vector instanceof DuckDBArrayVector && isNumericData(items)) return items;
  throw new Error('a row came as something else than numbers');
}

function isNumericData(items: unknown): items is NumericTensorData {
  return ArrayBuffer.isView(items) && 'BYTES_PER_ELEMENT' in items;
}
