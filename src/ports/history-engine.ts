import type { Dialect, Step } from '../features/sql/dialect.ts';
import type { OfflineTable, TableFiles } from './offline-store.ts';

/** A table of the history that a computation reads. */
export interface ReadTable {
  /** The name of the table in its SQL, which needs no quotes. */
  readonly name: string;
  readonly table: OfflineTable;
  readonly files: readonly TableFiles[];
}

/** A table that is brought to a computation. */
export interface BroughtTable {
  /** The name of the table in its SQL. */
  readonly name: string;
  readonly columns: OfflineTable['columns'];
  /** Writes its rows as one Parquet file, where the engine reads it. */
  write(path: string): Promise<unknown>;
}

/** A table that is computed. */
export interface ComputedTable {
  readonly name: string;
  /** Named results that the SELECT reads; one that is read more than once is computed once. */
  readonly steps?: readonly Step[];
  /** A SELECT in the engine's dialect. */
  readonly sql: string;
  /** Rows are split by a hash of these columns: all rows of a key are in one slice, the same for tables with the same columns. */
  readonly slicedBy: readonly string[];
}

export interface Computation {
  readonly tables: readonly ReadTable[];
  readonly brought?: readonly BroughtTable[];
  readonly outputs: readonly ComputedTable[];
  /** Into how many slices each output is split, so that one fits into memory. */
  readonly slices: number;
}

/** The results: the Parquet files of the rows by output and slice, none if there are no rows. */
export interface Computed {
  readonly files: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Removes the files. */
  drop(): void;
}

/**
 * Computes over the history in another system than this process's.
 *
 * Rules (each a case of `testing/contracts/history-engine.ts`):
 *  1. a computation gives all its outputs whole, or throws and leaves no file of them; files are what the system wrote, byte for byte;
 *  2. the next session removes the files of an ended process;
 *  3. SQL that the system rejects is an error that names the output and the line;
 *  4. later steps and the output read a step, any number of times; other outputs may have a step of the same name;
 *  5. an uploaded table is read like one of the history, and ends with the computation; if it cannot be written, no file is left.
 */
export interface HistoryEngine {
  readonly dialect: Dialect;
  /** Starts the computation; `onProgress` receives its progress as text. */
  open(onProgress: (text: string) => void): Promise<HistorySession>;
}

/** A running engine; computations run one after the other. */
export interface HistorySession {
  compute(computation: Computation): Promise<Computed>;
  close(): Promise<void>;
}
