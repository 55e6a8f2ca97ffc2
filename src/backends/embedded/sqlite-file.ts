import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const CANNOT_WRITE = [8, 10, 13];

const BUSY_TIMEOUT_MS = 5_000;

type Area = 'ALERT' | 'PLAYBOOK' | 'ROLLOUT';

/** A kind of file. */
export interface SqliteFileKind {
  /** Marks the file, so that another program's database is not taken for one. */
  readonly application: number;
  /** Its format, kept as SQLite's user_version. */
  readonly format: number;
  /** Makes the tables. */
  readonly tables: string;
  readonly codes: {
    readonly file: `${Area}_FILE`;
    readonly format: `${Area}_FORMAT`;
    readonly write: `${Area}_WRITE`;
    readonly busy: `${Area}_BUSY`;
  };
}

export interface SqliteFileOptions {
  /** Time to wait for the lock of another process, ms. */
  readonly busyTimeoutMs?: number;
}

export type SqliteRow = Readonly<Record<string, unknown>>;

type Cell = string | number | null;

/**
 * A SQLite file that several processes may use at once. An acknowledged change survives the process and the machine's power (WAL,
 * synchronous = FULL). Errors: the four codes of its kind.
 */
export class SqliteFile {
  readonly #path: string;
  readonly #kind: SqliteFileKind;
  readonly #database: DatabaseSync;
  /** By their text. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, kind: SqliteFileKind, { busyTimeoutMs = BUSY_TIMEOUT_MS }: SqliteFileOptions = {}) {
    this.#path = path;
    this.#kind = kind;
    this.#database = openDatabase(path, kind, busyTimeoutMs);
  }

  all(sql: string, ...values: readonly Cell[]): readonly SqliteRow[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw this.#failure(error, 'read');
    }
  }

  /** Inside `write` or `transaction`. Returns the number of changed rows. */
  run(sql: string, ...values: readonly Cell[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Inside `write` or `transaction`. Returns the number of the new row. */
  insert(sql: string, ...values: readonly Cell[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** Runs one statement, a transaction by itself. */
  write(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw this.#failure(error, 'write');
    }
  }

  /** All of the work or, where it throws, nothing. */
  transaction<T>(work: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const value = work();
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      // A full disk has already ended the transaction.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw this.#failure(error, 'write');
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #failure(error: unknown, during: 'read' | 'write'): HeadraceError {
    return failureOf(error, this.#path, this.#kind, during);
  }
}

/** Copies a SQLite file as of one transaction while processes may write; nothing where there is none. */
export function copySqlite(from: string, to: string): void {
  if (!existsSync(from)) return;
  // As one of the processes that write: a read-only connection has no locks of its own where the log of changes begins.
  const database = new DatabaseSync(from, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } finally {
    database.close();
  }
}

function openDatabase(path: string, kind: SqliteFileKind, timeout: number): DatabaseSync {
  const { application, format: known, codes } = kind;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout });
    if (pragma(database, 'user_version') === 0) createSchema(database, kind);
    if (pragma(database, 'application_id') !== application)
      throw fail(codes.file, { path, reason: 'it is the database of another program' });
    const format = pragma(database, 'user_version');
    if (format !== known) throw fail(codes.format, { path, format, known });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    return database;
  } catch (error) {
    database?.close();
    throw failureOf(error, path, kind, 'read');
  }
}

/** Makes the tables in a database that has none; two processes may try at once. */
function createSchema(database: DatabaseSync, { application, format, tables }: SqliteFileKind): void {
  database.exec('BEGIN IMMEDIATE');
  const [{ found } = { found: 1 }] = database.prepare('SELECT COUNT(*) AS found FROM sqlite_schema').all();
  if (found === 0) database.exec(`${tables}; PRAGMA application_id = ${application}; PRAGMA user_version = ${format};`);
  database.exec('COMMIT');
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function failureOf(error: unknown, path: string, { codes }: SqliteFileKind, during: 'read' | 'write'): HeadraceError {
  if (isHeadraceError(error)) return error;
  const reason = reasonOf(error);
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === BUSY) return fail(codes.busy, { path }, error);
  return fail(during === 'write' && CANNOT_WRITE.includes(code) ? codes.write : codes.file, { path, reason }, error);
}
