import { valueBytes } from '../../base/value-bytes.ts';
import type { QueueReport } from '../../observe/queue-report.ts';
import type { OfflineTable, OfflineValue, TableAppend } from '../../ports/offline-store.ts';

/** The memory for sampled rows of a process, all tables together. A row for which there is no room is dropped, and counted. */
export class SampleRoom {
  /** Rows that wait, and their bytes, estimated. */
  rows = 0;
  bytes = 0;
  /** Rows that were dropped since the start. */
  lost = 0;
  readonly mostBytes: number;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** Whether a row may wait; one that may is counted. */
  takes(bytes: number): boolean {
    if (this.bytes + bytes > this.mostBytes) {
      this.lost += 1;
      return false;
    }
    this.rows += 1;
    this.bytes += bytes;
    return true;
  }

  /** Frees the room of rows that left. */
  frees(rows: number, bytes: number): void {
    this.rows -= rows;
    this.bytes -= bytes;
  }

  report(): QueueReport {
    return {
      name: 'sampled vectors',
      rows: this.rows,
      bytes: this.bytes,
      mostBytes: this.mostBytes,
      turnedAway: this.lost,
      whenFull: 'further vectors of the sample are dropped',
    };
  }
}

/** Sampled rows of one table, by column, until they are published. */
export class SampledRows {
  readonly #table: OfflineTable;
  readonly #room: SampleRoom;
  #columns: OfflineValue[][];
  #bytes = 0;

  constructor(table: OfflineTable, room: SampleRoom) {
    this.#table = table;
    this.#room = room;
    this.#columns = this.#empty();
  }

  /** Takes a row, as far as there is room; returns whether it did. */
  add(row: readonly OfflineValue[]): boolean {
    let bytes = 0;
    for (const value of row) bytes += valueBytes(value);
    if (!this.#room.takes(bytes)) return false;
    for (let i = 0; i < row.length; i += 1) this.#columns[i].push(row[i]);
    this.#bytes += bytes;
    return true;
  }

  get waiting(): number {
    return this.#columns[0].length;
  }

  /** The rows since the last drain. */
  drain(): TableAppend {
    const append = { table: this.#table, rows: this.waiting, columns: this.#columns };
    this.#room.frees(append.rows, this.#bytes);
    this.#columns = this.#empty();
    this.#bytes = 0;
    return append;
  }

  #empty(): OfflineValue[][] {
    return Object.keys(this.#table.columns).map(() => []);
  }
}
