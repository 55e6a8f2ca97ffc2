/** A value of a statement or of a column. Whole numbers stay exact up to 2^53. */
export type SqlValue = string | number | null;

/** A row by its column names. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** Runs statements. `?` marks a value, in order. */
export interface Sql {
  all(statement: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Returns the number of changed rows. */
  run(statement: string, values?: readonly SqlValue[]): Promise<number>;
}

/** The differences between databases that statements depend on. */
export interface SqlDialect {
  readonly name: 'sqlite' | 'postgres';
  /** `column LIKE ?` with `%` and `_` as wild cards, without an escape character; case counts. */
  like(column: string): string;
  /** The same where case does not count. */
  ilike(column: string): string;
  /** The column, so that the planner passes its indexes over. Where its estimates would suffer, as it is. */
  withoutIndex(column: string): string;
  /** Ends the query of an EXISTS that is looked up row by row: the planner joins no table in its place. */
  readonly rowByRow: string;
  /** The most values of one statement. */
  readonly mostValues: number;
}

/** How a transaction is stored. */
export interface WriteOptions {
  /** The work has effects outside the database: all that it sees is durable already. */
  readonly isAlone?: boolean;
}

/**
 * A database with tables that already exist.
 *
 * Rules:
 *  1. `write` runs its work in one transaction: all of it is stored, or nothing; it returns once the changes are durable;
 *  2. transactions are isolated as if one ran after the other for rows that both change, whatever process runs them;
 *  3. the error of the work ends its transaction, and no other one;
 *  4. `read` never sees the changes of an unfinished transaction;
 *  5. one statement sees one state of the database;
 *  6. a `write` that is alone sees only changes that are durable, and its own.
 */
export interface SqlDatabase {
  readonly dialect: SqlDialect;
  read<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  write<T>(work: (sql: Sql) => Promise<T>, options?: WriteOptions): Promise<T>;
  close(): Promise<void>;
}

/** The tables of a database: a back end makes them, or brings those of an earlier format up to date. */
export interface SqlSchema {
  readonly format: number;
  /** Statements that make every table of this format, as a dialect writes them. */
  create(dialect: SqlDialect['name']): readonly string[];
  /** Statements from an earlier format to the next one; only SQLite has formats before 2. */
  upgrade(from: number, dialect: SqlDialect['name']): readonly string[];
}
