import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import type { Rollout, RolloutEvent, RolloutStore } from '../../../ports/rollout-store.ts';

/** Format of the file, kept as SQLite's user_version. */
const FORMAT = 1;

/** Marks the file, so that another program's database is not taken for one: "HRro". */
const APPLICATION = 0x48_52_72_6f;

const BUSY_TIMEOUT_MS = 5_000;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const BUSY = 5;
const CANNOT_WRITE = [8, 10, 13];

const SCHEMA = `
  CREATE TABLE rollouts (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL, revision INTEGER NOT NULL,
    is_over INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX newest ON rollouts (model, place);
  CREATE UNIQUE INDEX one_active ON rollouts (model) WHERE is_over = 0;
  CREATE TABLE events (rollout TEXT NOT NULL REFERENCES rollouts (id), revision INTEGER NOT NULL, model TEXT NOT NULL,
    is_delivered INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rollout, revision)) STRICT;
  CREATE INDEX undelivered ON events (model) WHERE is_delivered = 0;
  CREATE TABLE evidence (rollout TEXT NOT NULL REFERENCES rollouts (id), server TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (rollout, server)) STRICT;
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${FORMAT};
`;

type Row = Readonly<Record<string, unknown>>;

/**
 * Rollouts in one SQLite file; several processes may use it at once. An acknowledged change survives the process and the
 * machine's power (WAL, synchronous = FULL). Errors: ROLLOUT_FILE, ROLLOUT_FORMAT, ROLLOUT_WRITE, ROLLOUT_BUSY.
 */
export class SqliteRolloutStore implements RolloutStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** By their text: a server reads the state of its rollouts several times a second. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, { busyTimeoutMs = BUSY_TIMEOUT_MS }: { readonly busyTimeoutMs?: number } = {}) {
    this.#path = path;
    this.#database = openDatabase(path, busyTimeoutMs);
  }

  start(rollout: Rollout, event: RolloutEvent): void {
    const { id, model, revision } = rollout;
    this.#transaction(() => {
      const [row] = this.#all('SELECT body FROM rollouts WHERE model = ? AND is_over = 0', model);
      if (row !== undefined) {
        const active = parsed<Rollout>(row);
        throw fail('ROLLOUT_ACTIVE', { model, rollout: active.id, version: active.candidate });
      }
      const insert = 'INSERT INTO rollouts (id, model, revision, is_over, body) VALUES (?, ?, ?, ?, ?)';
      this.#run(insert, id, model, revision, isOver(rollout), JSON.stringify(rollout));
      this.#add(model, event);
    });
  }

  newest(model: string): Rollout | null {
    const [row] = this.#all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC LIMIT 1', model);
    return row === undefined ? null : parsed(row);
  }

  list(model: string): readonly Rollout[] {
    return this.#all('SELECT body FROM rollouts WHERE model = ? ORDER BY place DESC', model).map(parsed<Rollout>);
  }

  change(next: Rollout, event: RolloutEvent): void {
    const { id, model, revision } = next;
    this.#transaction(() => {
      const [row] = this.#all('SELECT revision FROM rollouts WHERE id = ?', id);
      const found = Number(row?.['revision'] ?? 0);
      if (found !== revision - 1 || found === 0)
        throw fail('ROLLOUT_MOVED', { rollout: id, found, expected: revision - 1 });
      const update = 'UPDATE rollouts SET revision = ?, is_over = ?, body = ? WHERE id = ?';
      this.#run(update, revision, isOver(next), JSON.stringify(next), id);
      this.#add(model, event);
    });
  }

  events(rollout: string): readonly RolloutEvent[] {
    return this.#all('SELECT body FROM events WHERE rollout = ? ORDER BY revision', rollout).map(parsed<RolloutEvent>);
  }

  undelivered(model: string): readonly RolloutEvent[] {
    const sql = `SELECT events.body AS body FROM events JOIN rollouts ON rollouts.id = events.rollout
      WHERE events.model = ? AND is_delivered = 0 ORDER BY place, events.revision`;
    return this.#all(sql, model).map(parsed<RolloutEvent>);
  }

  delivered(rollout: string, revision: number): void {
    this.#write(() =>
      this.#run('UPDATE events SET is_delivered = 1 WHERE rollout = ? AND revision = ?', rollout, revision),
    );
  }

  observe(rollout: string, server: string, evidence: unknown): void {
    const sql = `INSERT INTO evidence (rollout, server, body) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET body = excluded.body`;
    this.#write(() => this.#run(sql, rollout, server, JSON.stringify(evidence)));
  }

  evidence(rollout: string): readonly unknown[] {
    return this.#all('SELECT body FROM evidence WHERE rollout = ? ORDER BY server', rollout).map(parsed<unknown>);
  }

  close(): void {
    this.#database.close();
  }

  #add(model: string, event: RolloutEvent): void {
    const sql = 'INSERT INTO events (rollout, revision, model, is_delivered, body) VALUES (?, ?, ?, 0, ?)';
    this.#run(sql, event.rollout, event.revision, model, JSON.stringify(event));
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #run(sql: string, ...values: readonly (string | number)[]): void {
    this.#statement(sql).run(...values);
  }

  #all(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    try {
      return this.#statement(sql).all(...values);
    } catch (error) {
      throw failureOf(error, this.#path, 'read');
    }
  }

  #write(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw failureOf(error, this.#path, 'write');
    }
  }

  #transaction(work: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk has already ended the transaction.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw failureOf(error, this.#path, 'write');
    }
  }
}

/** Copies the rollouts as of one transaction while processes may write; nothing where there are none. */
export function copyRollouts(from: string, to: string): void {
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
      throw fail('ROLLOUT_FILE', { path, reason: 'it is the database of another program' });
    const format = pragma(database, 'user_version');
    if (format !== FORMAT) throw fail('ROLLOUT_FORMAT', { path, format, known: FORMAT });
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

function parsed<T>(row: Row): T {
  return JSON.parse(String(row['body'])) as T;
}

function isOver({ endedAt }: Rollout): number {
  return endedAt === null ? 0 : 1;
}

function failureOf(error: unknown, path: string, during: 'open' | 'read' | 'write'): HeadraceError {
  if (isHeadraceError(error)) return error;
  const reason = reasonOf(error);
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  if (code === BUSY) return fail('ROLLOUT_BUSY', { path }, error);
  const named = during === 'write' && CANNOT_WRITE.includes(code) ? 'ROLLOUT_WRITE' : 'ROLLOUT_FILE';
  return fail(named, { path, reason }, error);
}
