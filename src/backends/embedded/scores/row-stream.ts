import type { DuckDBConnection, DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';

/** Rows of a chunk: `count` from place `start` on; the first of them is row `at` of the range that is read. */
export interface ChunkRows {
  readonly chunk: DuckDBDataChunk;
  readonly start: number;
  readonly count: number;
  readonly at: number;
}

/**
 * The rows of a file in order, on a connection for them alone. A range that follows the previous one is read on, so that a row group is
 * decoded once, however many ranges are cut from it.
 */
export class RowStream {
  readonly #connection: DuckDBConnection;
  readonly #sqlFrom: (from: number) => string;
  #result: DuckDBResult | null = null;
  /** The chunk that was read last, and the row that it begins with. */
  #chunk: DuckDBDataChunk | null = null;
  #first = 0;
  #next = 0;

  /** `sqlFrom`: the query of all rows from a row on. */
  constructor(connection: DuckDBConnection, sqlFrom: (from: number) => string) {
    this.#connection = connection;
    this.#sqlFrom = sqlFrom;
  }

  /**
   * Gives the chunks with rows [from, to). False: the stream ended before `to`, by an error or by its end. A streamed result does not tell
   * them apart, so read the range by a query alone, which does.
   */
  async take(from: number, to: number, each: (rows: ChunkRows) => void): Promise<boolean> {
    try {
      if (this.#result === null || from !== this.#next) await this.#begin(from);
      for (let row = from; row < to; ) {
        const chunk = await this.#chunkOf(row);
        const start = row - this.#first;
        const count = Math.min(to - row, chunk.rowCount - start);
        each({ chunk, start, count, at: row - from });
        row += count;
      }
      this.#next = to;
      return true;
    } catch {
      this.#result = null;
      this.#chunk = null;
      return false;
    }
  }

  async #begin(from: number): Promise<void> {
    this.#result = await this.#connection.stream(this.#sqlFrom(from));
    this.#chunk = null;
    this.#first = from;
  }

  async #chunkOf(row: number): Promise<DuckDBDataChunk> {
    const known = this.#chunk;
    if (known !== null && row < this.#first + known.rowCount) return known;
    this.#first += known?.rowCount ?? 0;
    const next = (await this.#result?.fetchChunk()) ?? null;
    if (next === null || next.rowCount === 0) throw new Error('the rows ended');
    this.#chunk = next;
    return next;
  }
}
