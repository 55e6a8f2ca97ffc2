import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fail } from '../../../base/errors/fail.ts';
import type { SqlSchema } from '../../../ports/sql-database.ts';
import { type FailedFile, failureOf, isBusy } from './sqlite-failure.ts';

/** Files up to this size are checked page by page when they are opened; of larger ones SQLite checks the pages that it reads. */
const CHECKED_BYTES = 64 * 2 ** 20;

/** Cached pages, KiB. */
const CACHE_KIB = 64 * 1024;

/** Pause between two attempts to open a file that others open too, ms. */
const BUSY_PAUSE_MS = 2;

/**
 * Opens a file to write it: makes its tables, or brings an earlier format up to date in one transaction. A file that
 * is something else is left unchanged. Errors: the codes of its kind.
 */
export function openSqliteFile(file: FailedFile, schema: SqlSchema, timeout: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    const opened = new DatabaseSync(file.path, { timeout });
    database = opened;
    untilFree(timeout, () => prepare(opened, file, schema));
    // A transaction waits for another process in turns of the event loop, not in SQLite.
    opened.exec('PRAGMA busy_timeout = 20');
    return opened;
  } catch (error) {
    database?.close();
    throw failureOf(error, file, 'open');
  }
}

/** Each step finds what another process has done, so that all of them may run again. */
function prepare(database: DatabaseSync, file: FailedFile, schema: SqlSchema): void {
  const { path, kind } = file;
  if (pragma(database, 'user_version') === 0)
    inTransaction(database, (open) => createTables(open, kind.application, schema));
  checkOwner(database, file);
  if (pragma(database, 'user_version') < schema.format) inTransaction(database, (open) => upgrade(open, schema));
  const format = pragma(database, 'user_version');
  if (format !== schema.format) throw fail(kind.codes.format, { path, format, known: schema.format });
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB}`);
  checkPages(database, file);
}

/** SQLite does not wait where it changes the kind of journal while another process writes: SQLITE_BUSY comes at once. */
function untilFree(timeout: number, work: () => void): void {
  const end = performance.now() + timeout;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
    }
  }
}

function checkOwner(database: DatabaseSync, { path, kind }: FailedFile): void {
  if (pragma(database, 'application_id') !== kind.application)
    throw fail(kind.codes.file, { path, reason: 'it is the database of another program' });
}

function checkPages(database: DatabaseSync, { path, kind }: FailedFile): void {
  if (path === ':memory:' || statSync(path).size > CHECKED_BYTES) return;
  const [verdict] = database.prepare('PRAGMA quick_check').all();
  if (verdict?.['quick_check'] !== 'ok')
    throw fail(kind.codes.file, { path, reason: String(verdict?.['quick_check']) });
}

/** Two processes may try at once: who comes second finds the tables. */
function createTables(database: DatabaseSync, application: number, schema: SqlSchema): void {
  const [{ tables } = { tables: 1 }] = database.prepare('SELECT COUNT(*) AS tables FROM sqlite_schema').all();
  if (tables !== 0) return;
  for (const statement of schema.create('sqlite')) database.exec(statement);
  database.exec(`PRAGMA application_id = ${application}; PRAGMA user_version = ${schema.format};`);
}

function upgrade(database: DatabaseSync, schema: SqlSchema): void {
  for (let from = pragma(database, 'user_version'); from < schema.format; from += 1)
    for (const statement of schema.upgrade(from, 'sqlite')) database.exec(statement);
  database.exec(`PRAGMA user_version = ${schema.format}`);
}

function inTransaction(database: DatabaseSync, work: (database: DatabaseSync) => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work(database);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
