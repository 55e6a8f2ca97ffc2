import { type DuckDBAppender, type DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { spareTurn } from '../../../base/spare-turn.ts';
import type { OfflineValue } from '../../../ports/offline-store.ts';
import { type OfflineTable, type RowBatch, SQL_TYPES } from '../../../ports/offline-store.ts';
import { nothingOf, quoteName } from './sql-text.ts';
import type { ColumnValues } from './staged-column.ts';
import { type StagedColumn, stagedColumn } from './staged-column.ts';

/** Rows of a chunk: what DuckDB takes at once. */
const CHUNK_ROWS = 2048;
/** Chunks that the appender keeps: left alone, it moves 204,800 rows at once, and everything in this process waits for it. */
const CHUNKS_AT_ONCE = 2;
/** Other work gets a turn after this time, ms. */
const SLICE_MS = 1;

/**
 * Rows of one table on their way to a file: a temporary table of a connection, in the types that values come in cheapest. All is
 * within one transaction, which ends with the connection.
 */
export class StagingTable {
  readonly #connection: DuckDBConnection;
  readonly #table: OfflineTable;
  #stage: Stage | null = null;
  #stages = 0;
  #chunks = 0;
  #until = Number.NEGATIVE_INFINITY;

  constructor(connection: DuckDBConnection, table: OfflineTable) {
    this.#connection = connection;
    this.#table = table;
  }

  /** Appends rows. Error: OFFLINE_VALUE. */
  async append(batch: RowBatch): Promise<void> {
    const before = this.#stage;
    const columns: StagedColumn[] = [];
    for (const [name, type] of Object.entries(this.#table.columns)) {
      const c = columns.length;
      const values = batch.columns[c];
      // Rows that are staged already may have other texts.
      const few = type === 'STRING' && before === null ? await fewTexts(values, () => this.#pause()) : null;
      const wide = before?.types[c] === 'BIGINT' || before?.types[c] === 'HUGEINT';
      columns.push(stagedColumn(this.#table.name, name, type, values, wide, few));
      await this.#pause();
    }
    const stage = await this.#stageFor(columns);
    for (let from = 0; from < batch.rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, batch.rows - from);
      stage.chunk.reset();
      stage.chunk.rowCount = count;
      for (let c = 0; c < columns.length; c += 1) {
        columns[c].write(stage.chunk.getColumnVector(c), from, count);
        await this.#pause();
      }
      stage.appender.appendDataChunk(stage.chunk);
      this.#chunks += 1;
      if (this.#chunks % CHUNKS_AT_ONCE === 0) stage.appender.flushSync();
    }
  }

  /** Gives others a turn when a slice is over. */
  async #pause(): Promise<void> {
    if (performance.now() < this.#until) return;
    await spareTurn();
    this.#until = performance.now() + SLICE_MS;
  }

  /** Ends the appends; returns the SELECT of all rows in their order, in the types of the file. */
  close(): string {
    this.#stage?.appender.closeSync();
    if (this.#stage === null) return nothingOf(this.#table);
    const casts = Object.entries(this.#table.columns).map(
      ([name, type], c) => `CAST(_${c} AS ${SQL_TYPES[type]}) AS ${quoteName(name)}`,
    );
    return `SELECT ${casts.join(', ')} FROM ${this.#stage.name}`;
  }

  /** The present stage, or a new one that begins with its rows where a column has become wider. */
  async #stageFor(columns: readonly StagedColumn[]): Promise<Stage> {
    const before = this.#stage;
    const types = columns.map(({ type }) => String(type));
    if (before !== null && types.every((type, c) => type === before.types[c])) return before;
    // Without one, each flush would be its own transaction, which copies its rows again when it ends.
    if (before === null) await this.#connection.run('BEGIN TRANSACTION');
    this.#stages += 1;
    const name = `staged_${this.#stages}`;
    await this.#connection.run(`CREATE TEMP TABLE ${name} (${types.map((type, c) => `_${c} ${type}`).join(', ')})`);
    if (before !== null) {
      before.appender.closeSync();
      await this.#connection.run(`INSERT INTO ${name} FROM ${before.name}`);
      await this.#connection.run(`DROP TABLE ${before.name}`);
    }
    const appender = await this.#connection.createAppender(name);
    this.#stage = { name, types, appender, chunk: DuckDBDataChunk.create(columns.map(({ type }) => type)) };
    return this.#stage;
  }
}

interface Stage {
  readonly name: string;
  readonly types: readonly string[];
  readonly appender: DuckDBAppender;
  readonly chunk: DuckDBDataChunk;
}

/** Different texts up to which a column is taken by them. */
const MOST_TEXTS = 4_096;

/** A text occurs this often in its column, on average, before looking each up costs less than passing it. */
const TIMES = 4;

/** Values between two pauses. */
const UNWATCHED = 2_048;

/**
 * The different values of a column that has few of them, each a text; null where they are too many, or are not texts that an ENUM
 * of DuckDB can have. Hot path: pauses between slices.
 */
async function fewTexts(values: ColumnValues, pause: () => Promise<void>): Promise<readonly string[] | null> {
  const most = Math.min(MOST_TEXTS, values.length / TIMES);
  const known = new Set<OfflineValue>();
  const few: string[] = [];
  for (let i = 0; i < values.length; i += 1) {
    if (i % UNWATCHED === 0) await pause();
    const value = values[i];
    if (value === null || known.has(value)) continue;
    // To DuckDB a text ends where C's do.
    if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\0')) return null;
    if (few.length >= most) return null;
    known.add(value);
    few.push(value);
  }
  return few.length === 0 ? null : few;
}
