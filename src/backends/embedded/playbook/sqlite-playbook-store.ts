import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import type { NewEntry, PlaybookEntry, PlaybookStore } from '../../../ports/playbook-store.ts';

/** Format of the file, kept as SQLite's user_version. */
const FORMAT = 1;

/** Marks the file, so that another program's database is not taken for one: "HRpb". */
const APPLICATION = 0x48_52_70_62;

const BUSY_TIMEOUT_MS = 5_000;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const CANNOT_WRITE = [8, 10, 13];

const SCHEMA = `
  CREATE TABLE entries (model TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (model, revision)) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${FORMAT};
`;

/**
 * Journals of playbooks in one SQLite file; several processes may use it at once. An acknowledged entry survives the process
 * and the machine's power (WAL, synchronous = FULL). Errors: PLAYBOOK_FILE, PLAYBOOK_FORMAT, PLAYBOOK_WRITE, PLAYBOOK_BUSY.
 */
export class SqlitePlaybookStore implements PlaybookStore {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, { busyTimeoutMs = BUSY_TIMEOUT_MS }: { readonly busyTimeoutMs?: number } = {}) {
    this.#path = path;
    this.#database = openDatabase(path, busyTimeoutMs);
  }

  entries(model: string, after = 0): readonly PlaybookEntry[] {
    const sql = 'SELECT body FROM entries WHERE model = ? AND revision > ? ORDER BY revision';
    try {
      return this.#database
        .prepare(sql)
        .all(model, after)
        .map((row) => JSON.parse(String(row['body'])) as PlaybookEntry);
    } catch (error) {
      throw failureOf(error, this.#path, 'read');
    }
  }

  append(model: string, expected: number, facts: readonly NewEntry[]): number {
    const database = this.#database;
    try {
      database.exec('BEGIN IMMEDIATE');
      const row = database.prepare('SELECT MAX(revision) AS last FROM entries WHERE model = ?').get(model);
      const found = Number(row?.['last'] ?? 0);
      if (found !== expected) throw fail('PLAYBOOK_MOVED', { model, found, expected });
      const insert = database.prepare('INSERT INTO entries (model, revision, body) VALUES (?, ?, ?)');
      for (const [i, fact] of facts.entries()) {
        const revision = expected + 1 + i;
        insert.run(model, revision, JSON.stringify({ ...fact, model, revision }));
      }
      database.exec('COMMIT');
      return expected + facts.length;
    } catch (error) {
      // A full disk has already ended the transaction.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw failureOf(error, this.#path, 'write');
    }
  }

  close(): void {
    this.#database.close();
  }
}

/** Copies the journals as of one transaction, while other processes write; nothing where there are none. */
export function copyPlaybooks(from: string, to: string): void {
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
      throw fail('PLAYBOOK_FILE', { path, reason: 'it is the database of another program' });
    const format = pragma(database, 'user_version');
    if (format !== FORMAT) throw fail('PLAYBOOK_FORMAT', { path, format, known: FORMAT });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    return database;
  } catch (error) {
    database?.close();
    throw failureOf(error, path, 'open');
  }
}

/** Makes the table in a database that has none; two processes may try at once. */
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
  if (code === BUSY) return fail('PLAYBOOK_BUSY', { path }, error);
  const named = during === 'write' && CANNOT_WRITE.includes(code) ? 'PLAYBOOK_WRITE' : 'PLAYBOOK_FILE';
  return fail(named, { path, reason }, error);
}
