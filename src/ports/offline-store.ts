import type { MaybePromise } from '../base/maybe-promise.ts';
import type { SqlValue } from '../features/sql/decode.ts';
import type { Position } from './position.ts';

/** Types of offline columns: the ones that Parquet, DuckDB, Spark and pandas read alike. */
export type OfflineType =
  | 'BIGINT'
  | 'DOUBLE'
  | 'BOOLEAN'
  | 'STRING'
  | 'DECIMAL'
  | 'BLOB'
  | 'LIST<BIGINT>'
  | 'LIST<DOUBLE>'
  | 'LIST<STRING>'
  | 'LIST<BOOLEAN>';

/** How they are said in the SQL that the store runs. */
export const SQL_TYPES: Readonly<Record<OfflineType, string>> = {
  BIGINT: 'BIGINT',
  DOUBLE: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
  STRING: 'VARCHAR',
  DECIMAL: 'DECIMAL(38,0)',
  BLOB: 'BLOB',
  'LIST<BIGINT>': 'BIGINT[]',
  'LIST<DOUBLE>': 'DOUBLE[]',
  'LIST<STRING>': 'VARCHAR[]',
  'LIST<BOOLEAN>': 'BOOLEAN[]',
};

/** A table of the offline store: a name such as `events/departures@1` or `tiles/by_route@2.1f3a5c7e/3600000`, and its columns in order. */
export interface OfflineTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, OfflineType>>;
}

/** A value of an offline column: BIGINT and DECIMAL (38,0) as bigint or a safe integer, LIST as array. */
export type OfflineValue = SqlValue;

/** Rows by column: `columns[i]` holds `rows` values of a table's i-th column. */
export interface RowBatch {
  readonly rows: number;
  readonly columns: readonly (readonly OfflineValue[] | Float64Array | BigInt64Array)[];
}

/** Rows to append to a table. */
export interface TableAppend extends RowBatch {
  readonly table: OfflineTable;
}

/**
 * One atomic change. Appends to a table in mode `append` are added; in mode `replace` they become its whole content.
 * A table's appends must all have its columns.
 */
export interface OfflineChange {
  /** The writer and its position after this change: published in the same manifest. */
  readonly writer: string;
  readonly position: Position;
  readonly mode: 'append' | 'replace';
  readonly tables: readonly TableAppend[];
}

/** Files of a table that were written under the same columns, which need not be the table's: rule 11. */
export interface TableFiles {
  readonly columns: OfflineTable['columns'];
  readonly paths: readonly string[];
}

/** Rows of a query to append to a table: its columns by their names. */
export interface QueryAppend {
  readonly table: OfflineTable;
  /** SQL of the DuckDB dialect, over files and relations. */
  readonly sql: string;
}

/** One atomic change of rows that queries give. */
export interface OfflineQueries extends Pick<OfflineChange, 'writer' | 'position' | 'mode'> {
  readonly appends: readonly QueryAppend[];
}

export interface OfflineTableState {
  readonly table: OfflineTable;
  readonly rows: number;
  readonly sizeBytes: number;
  readonly files: readonly string[];
}

/** A file of a table whose bytes are not those that were published. */
export interface DamagedFile {
  readonly table: string;
  readonly file: string;
  readonly reason: string;
  /** The rows that were published in it. */
  readonly rows: number;
}

/** How long and how much of a table is kept. */
export interface OfflineRetention {
  /** A BIGINT column that holds epoch ms. */
  readonly timeColumn: string;
  /** Files whose every row is before this instant (epoch ms) are dropped; -Infinity: none. */
  readonly olderThan: number;
  /** The limit of the table's files together: the oldest beyond it are dropped; Infinity: no limit. */
  readonly maxBytes: number;
}

/**
 * The history: raw deliveries, tiles, served vectors, predictions and labels as Parquet files that any engine reads as
 * they are, published by a manifest.
 *
 * Rules (each a case of `testing/contracts/offline-store.ts`):
 *  1. a change is visible whole, with its writer's position, or not at all, over a crash too; files of a change that was
 *     not published are removed on the next open for writing;
 *  2. published rows are read back equal, every type, null included;
 *  3. `position` is that of the writer's last published change; null before the first;
 *  4. `relation` of a table to which nothing was published reads as no rows; `compact` and `retain` of one are OFFLINE_TABLE;
 *  5. a second store opened for writing is OFFLINE_LOCKED; readers are not, and see one manifest from open to refresh;
 *  6. a truncated, missing or foreign file is OFFLINE_CORRUPT naming the file, never a smaller answer;
 *  7. compaction changes files, not content; retention drops only rows older than asked (whole files) or the oldest beyond the bytes;
 *  8. files that a change took out of a table stay readable for a declared while; a reader that is older than that gets OFFLINE_GONE;
 *  9. a value that the column's type does not hold exactly is OFFLINE_VALUE, other columns than the table's are OFFLINE_COLUMNS,
 *     and such a change changes nothing;
 * 10. tables never meet, whatever their names; a name that is no path below the store is OFFLINE_NAME;
 * 11. `evolve` gives a table further columns, or a BIGINT one as DOUBLE or DECIMAL: rows from before read as null there, as the same
 *     number; any other difference is OFFLINE_COLUMNS, and nothing changes;
 * 12. `erase` takes the rows for which SQL over the table's columns is true out of the table, and `purge` removes every file
 *     that is in no table: after both no file has them;
 * 13. an export is a whole file or none; wrong SQL is OFFLINE_QUERY; a closed store is OFFLINE_CLOSED;
 * 14. files that are given to `withFiles` have all rows of their tables, and stay until its work has ended;
 * 15. rows of a query are published as those of a change, in the types of their table; a query that fails changes nothing.
 */
export interface OfflineStore {
  /** Makes a change; its columns must stay as they are until then. */
  publish(change: OfflineChange): Promise<void>;
  /** As `publish`, with the rows that queries give, a file for each; returns their number. Error: OFFLINE_QUERY. */
  publishQueries(change: OfflineQueries): Promise<number>;
  /** Gives a stored table the columns of another declaration of it; one that is not stored is left alone. */
  evolve(table: OfflineTable): Promise<void>;
  position(writer: string): MaybePromise<Position | null>;
  tables(): readonly OfflineTableState[];
  /** SQL text that stands for the table in a FROM clause of `query` (declared columns in order, even when it is empty). */
  relation(table: OfflineTable): string;
  /**
   * Runs SQL of the DuckDB dialect; rows in batches, BIGINT as bigint. Errors: OFFLINE_QUERY (wrong SQL), OFFLINE_MEMORY.
   */
  query(sql: string): AsyncIterable<readonly (readonly OfflineValue[])[]>;
  /** Writes the rows of a query as one Parquet file outside the store; returns the number of rows. */
  exportParquet(sql: string, path: string): Promise<number>;
  /** Writes batches of rows as one Parquet file outside the store; returns the number of rows. */
  exportRows(table: OfflineTable, batches: AsyncIterable<RowBatch>, path: string): Promise<number>;
  /** Works with the files of tables, in the order of their rows; a table to which nothing was published has none. */
  withFiles<T>(
    tables: readonly OfflineTable[],
    work: (files: readonly (readonly TableFiles[])[]) => Promise<T>,
  ): Promise<T>;
  /** Compares at most this many published files with their checksums, the least recently compared first. */
  check(most?: number): Promise<readonly DamagedFile[]>;
  /** Files that are known to be damaged: whatever reads one is OFFLINE_CORRUPT. */
  damaged(): readonly DamagedFile[];
  /** As `relation`, without the files that are known to be damaged. */
  soundRelation(table: OfflineTable): string;
  /**
   * Replaces the files of a table that are known to be damaged by one file of these rows, in their place; all or nothing. `expected`:
   * the number of rows that there must be. Errors: OFFLINE_REBUILD for another number, OFFLINE_COLUMNS, OFFLINE_VALUE.
   */
  replaceDamaged(table: OfflineTable, rows: AsyncIterable<RowBatch>, expected?: number): Promise<number>;
  /** Puts the published bytes back where files are damaged, from a copy of the store; returns the number of files. */
  repair(copy: string): Promise<number>;
  /** Sees what other processes have published since. */
  refresh(): Promise<void>;
  compact(tableName: string): Promise<void>;
  retain(tableName: string, rule: OfflineRetention): Promise<void>;
  /** Takes the rows for which `where` is true out of a table; gives their number. Errors: OFFLINE_TABLE, OFFLINE_QUERY. */
  erase(tableName: string, where: string): Promise<number>;
  /** Removes the files that are no longer in a table. A process that still reads them gets OFFLINE_GONE. */
  purge(): Promise<void>;
  close(): Promise<void>;
}
