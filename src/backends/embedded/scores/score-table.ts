import { rmSync } from 'node:fs';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { cellFault, faultyCell } from '../../../model/cell-fault.ts';
import { newRows } from '../../../model/model-rows.ts';
import type { RowInputs } from '../../../model/row-inputs.ts';
import type { OpenScoreTable, ScoredRange, ScoreRows, ScoreTable, UnreadableRow } from '../../../ports/score-files.ts';
import { appendColumns, columnSql } from './column-append.ts';
import { type ChunkCopy, chunkCopy } from './column-copy.ts';
import { type FeatureCell, featureCells, noColumn } from './feature-cells.ts';
import { columnsOf, quotedName, quotedPath, quotedText, type RelationColumn } from './file-relation.ts';
import { RowStream } from './row-stream.ts';
import { readFailure, writeFailure } from './score-failure.ts';
import { makeDurable } from './written-file.ts';

/** The rows of a range as a relation of SQL; without an end: all from a row on. */
function rangeOf(path: string, from: number, to = Number.POSITIVE_INFINITY): string {
  const file = `read_parquet(${quotedPath(path)}, hive_partitioning = false, file_row_number = true)`;
  const end = Number.isFinite(to) ? ` AND file_row_number < ${to}` : '';
  return `(SELECT * FROM ${file} WHERE file_row_number >= ${from}${end}) AS r`;
}

interface Opened {
  readonly table: ScoreTable;
  readonly inputs: RowInputs;
  readonly cells: readonly FeatureCell[];
  readonly kept: readonly RelationColumn[];
}

interface Connections {
  readonly instance: DuckDBInstance;
  /** For queries of a range, and for the written file. */
  readonly main: DuckDBConnection;
  readonly features: DuckDBConnection;
  readonly kept: DuckDBConnection;
}

/**
 * A Parquet file of rows to score, open in DuckDB. Neighbouring ranges are read from one stream of columns, whose memory is copied into
 * the inputs of the model; the kept columns go from a stream into the written file as chunks of DuckDB.
 */
export class DuckScoreTable implements OpenScoreTable {
  readonly #table: ScoreTable;
  readonly #inputs: RowInputs;
  readonly #connections: Connections;
  /** The features, in order. */
  readonly #cells: readonly FeatureCell[];
  readonly #kept: readonly RelationColumn[];
  readonly #copy: ChunkCopy;
  /** The features in the short way; null: one has none. */
  readonly #quick: RowStream | null;
  readonly #keptRows: RowStream;

  private constructor({ table, inputs, cells, kept }: Opened, connections: Connections) {
    this.#table = table;
    this.#inputs = inputs;
    this.#connections = connections;
    this.#cells = cells;
    this.#kept = kept;
    this.#copy = chunkCopy(inputs);
    const quick = cells.flatMap((cell) => (cell.quick === null ? [] : [cell.quick]));
    const streamOf = (connection: DuckDBConnection, list: readonly string[]) =>
      new RowStream(connection, (from) => `SELECT ${list.join(', ')} FROM ${rangeOf(table.path, from)}`);
    this.#quick = quick.length < cells.length ? null : streamOf(connections.features, quick);
    const names = table.keep.map(quotedName);
    this.#keptRows = streamOf(connections.kept, names);
  }

  /** Errors: PREDICT_INPUT, PREDICT_COLUMN, PREDICT_TYPE, PREDICT_TEXT. */
  static async open(table: ScoreTable, inputs: RowInputs, instance: DuckDBInstance): Promise<DuckScoreTable> {
    const main = await instance.connect();
    const columns = await columnsOf(main, `read_parquet(${quotedPath(table.path)}, hive_partitioning = false)`);
    const kept = table.keep.map((name) => {
      const column = columns.find((one) => one.name === name);
      if (column === undefined) throw noColumn(table.path, name, columns);
      return column;
    });
    const cells = featureCells(table.path, table.features, inputs, columns);
    const connections = { instance, main, features: await instance.connect(), kept: await instance.connect() };
    return new DuckScoreTable({ table, inputs, cells, kept }, connections);
  }

  async read(from: number, to: number): Promise<ScoreRows> {
    const rows = newRows(this.#inputs, to - from);
    if ((await this.#quick?.take(from, to, (chunk) => this.#copy(chunk, rows))) === true)
      return { rows, unreadable: new Map() };
    try {
      return await this.#readChecked(from, to);
    } catch (error) {
      throw readFailure(this.#table.path, error);
    }
  }

  async write(scored: ScoredRange, path: string): Promise<void> {
    const { main } = this.#connections;
    try {
      const isWhole = await appendColumns(main, scored);
      const kept = await this.#keptSql(scored.from, scored.to);
      await main.run(
        `COPY (${this.#outputSql(scored, kept)}${isWhole ? '' : ' WHERE s.is_scored'}) TO ${quotedText(path)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
      );
      makeDurable(path);
    } catch (error) {
      // A link to a device is not a file of ours.
      rmSync(path, { force: true });
      throw writeFailure(path, error) ?? readFailure(this.#table.path, error);
    }
  }

  close(): void {
    const { instance, main, features, kept } = this.#connections;
    for (const opened of [main, features, kept, instance]) opened.closeSync();
  }

  /** The rows of a range, each cell looked at. */
  async #readChecked(from: number, to: number): Promise<ScoreRows> {
    const faults = this.#cells.map(({ fault }, i) => `WHEN ${fault.isUnfit} THEN '${i}' || ${fault.text}`);
    const list = [...this.#cells.map(({ cell }) => cell), `CASE ${faults.join(' ')} END`].join(', ');
    const result = await this.#connections.main.run(`SELECT ${list} FROM ${rangeOf(this.#table.path, from, to)}`);
    const chunks = await result.fetchAllChunks();
    const rows = newRows(this.#inputs, to - from);
    const texts = (this.#inputs.texts ?? []).map(({ places }) => new Array<Uint8Array>((to - from) * places.length));
    const unreadable = new Map<number, UnreadableRow>();
    let at = 0;
    for (const chunk of chunks) {
      this.#copy({ chunk, start: 0, count: chunk.rowCount, at }, rows);
      this.#copyTexts(chunk, texts, at);
      for (const [i, fault] of chunk.getColumnValues(this.#cells.length).entries())
        if (fault !== null)
          unreadable.set(at + i, { reason: this.#faultText(String(fault)), features: this.#row(chunk, i) });
      at += chunk.rowCount;
    }
    if (at !== to - from) throw new Error(`${at} of the ${to - from} rows of a range were read`);
    return { rows: texts.length === 0 ? rows : { ...rows, texts }, unreadable };
  }

  /** A missing text makes its row unreadable. */
  #copyTexts(chunk: DuckDBDataChunk, texts: readonly Uint8Array[][], at: number): void {
    const encoder = new TextEncoder();
    for (const [i, { places }] of (this.#inputs.texts ?? []).entries())
      for (const [k, place] of places.entries())
        for (const [row, text] of chunk.getColumnValues(place).entries())
          texts[i][(at + row) * places.length + k] = encoder.encode(text === null ? '' : String(text));
  }

  /** The cells of one row: its numbers and texts, NaN where one is missing or does not fit. */
  #row(chunk: DuckDBDataChunk, row: number): readonly (number | bigint | string)[] {
    return this.#cells.map((_, place) => {
      const cell = chunk.getColumnVector(place).getItem(row);
      return typeof cell === 'number' || typeof cell === 'bigint' || typeof cell === 'string' ? cell : Number.NaN;
    });
  }

  /** The relation of the kept columns of a range; null: there are none. */
  async #keptSql(from: number, to: number): Promise<string | null> {
    if (this.#kept.length === 0) return null;
    const { main } = this.#connections;
    const columns = this.#kept.map(({ name, type }) => `${quotedName(name)} ${type}`);
    await main.run(`CREATE OR REPLACE TEMP TABLE kept (${columns.join(', ')})`);
    const appender = await main.createAppender('kept');
    let before = 0;
    const isWhole = await this.#keptRows.take(from, to, ({ chunk, start, at }) => {
      if (at === 0) before = start;
      appender.appendDataChunk(chunk);
    });
    appender.closeSync();
    if (isWhole) return `(SELECT * FROM kept LIMIT ${to - from} OFFSET ${before})`;
    return `(SELECT * FROM ${rangeOf(this.#table.path, from, to)})`;
  }

  #outputSql({ from, to, columns: answers, version, digest, job }: ScoredRange, rows: string | null): string {
    const columns = [
      'n._row',
      ...this.#kept.map(({ name }) => `t.${quotedName(name)}`),
      ...answers.map(({ name }, i) => `${columnSql(i)} AS ${quotedName(name)}`),
      `CAST(${version} AS INTEGER) AS model_version`,
      `${quotedText(digest)} AS artifact_digest`,
      `${quotedText(job)} AS job_id`,
    ];
    const numbered = `range(${from}, ${to}) AS n(_row) POSITIONAL JOIN scored AS s`;
    const source = rows === null ? numbered : `${numbered} POSITIONAL JOIN ${rows} AS t`;
    return `SELECT ${columns.join(', ')} FROM ${source}`;
  }

  #faultText(fault: string): string {
    const { name, type } = this.#cells[Number.parseInt(fault, 10)];
    return cellFault(name, faultyCell(fault), type);
  }
}
