import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';

/** Format of the file, kept as SQLite's user_version. */
const FORMAT = 1;

/** Marks the file, so that another program's database is not taken for one: "HRal". */
const APPLICATION = 0x48_52_61_6c;

const BUSY_TIMEOUT_MS = 5_000;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const CANNOT_WRITE = [8, 10, 13];

/** `over` is the instant of the resolution, 0 until then. `digest` and times are ms. */
const SCHEMA = `
  CREATE TABLE incidents (no INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, over INTEGER NOT NULL,
    body TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX one_open ON incidents (fingerprint) WHERE over = 0;
  CREATE INDEX by_end ON incidents (over);
  CREATE TABLE deliveries (incident INTEGER NOT NULL REFERENCES incidents (no), sink TEXT NOT NULL, digest INTEGER NOT NULL,
    wanted INTEGER NOT NULL, accepted INTEGER NOT NULL, tried INTEGER NOT NULL, state TEXT NOT NULL, due INTEGER NOT NULL, taken INTEGER NOT NULL,
    attempts INTEGER NOT NULL, failing INTEGER, error TEXT, PRIMARY KEY (incident, sink)) STRICT;
  CREATE INDEX by_time ON deliveries (sink, due);
  CREATE TABLE silences (id INTEGER PRIMARY KEY AUTOINCREMENT, until INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE TABLE counts (sink TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (sink, outcome)) STRICT;
  CREATE TABLE sent (sink TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE INDEX sent_by_time ON sent (sink, at);
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${FORMAT};
`;

export type AlertRow = Readonly<Record<string, unknown>>;

type Cell = string | number | null;

/** The file of incidents, with its failures as coded errors. Errors: ALERT_FILE, ALERT_FORMAT, ALERT_WRITE, ALERT_BUSY. */
export class AlertDatabase {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** By their text. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, { busyTimeoutMs = BUSY_TIMEOUT_MS }: { readonly busyTimeoutMs?: number } = {}) {
    this.#path = path;
    this.#database = openDatabase(path, busyTimeoutMs);
  }

  all(sql: string, ...values: readonly Cell[]): readonly AlertRow[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw failureOf(error, this.#path, 'read');
    }
  }

  /** Inside `transaction`. Returns the number of changed rows. */
  run(sql: string, ...values: readonly Cell[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Inside `transaction`. Returns the number of the new row. */
  insert(sql: string, ...values: readonly Cell[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  transaction<T>(work: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const value = work();
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      // A full disk has already ended the transaction.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw failureOf(error, this.#path, 'write');
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
}

/** Copies the incidents as of one transaction, while other processes write; nothing where there are none. */
export function copyAlerts(from: string, to: string): void {
  if (!existsSync(from)) return;
  const database = new DatabaseSync(from, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } finally {
    database.close();
  }
}

function openDatabase(path: string, timeout: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout });
    if (pragma(database, 'user_version') === 0) createSchema(database);
    if (pragma(database, 'application_id') !== APPLICATION)
      throw fail('ALERT_FILE', { path, reason: 'it is the database of another program' });
    const format = pragma(database, 'user_version');
    if (format !== FORMAT) throw fail('ALERT_FORMAT', { path, format, known: FORMAT });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    return database;
  } catch (error) {
    database?.close();
    throw failureOf(error, path, 'open');
  }
}

/** Makes the tables in a database that has none; two processes may try at once. */
function createSchema(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  const [{ tables } = { tables: 1 }] = database.prepare('SELECT COUNT(*) AS tables FROM sqlite_schema').all();
  if (tables === 0) database.exec(SCHEMA);
  database.exec('COMMIT');
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function failureOf(error: unknown, path: string, during: 'open' | 'read' | 'write'): HeadraceError {
  if (isHeadraceError(error)) return error;
  const reason = reasonOf(error);
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === BUSY) return fail('ALERT_BUSY', { path }, error);
  const named = during === 'write' && CANNOT_WRITE.includes(code) ? 'ALERT_WRITE' : 'ALERT_FILE';
  return fail(named, { path, reason }, error);
}
