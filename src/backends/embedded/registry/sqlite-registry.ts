import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { fail } from '../../../base/errors/fail.ts';
import type { AliasMove, ModelRegistry, ModelVersion, NewModelVersion } from '../../../ports/model-registry.ts';
import { failureOf } from './sqlite-failure.ts';

/** Format of the file, kept as SQLite's user_version. */
const FORMAT = 1;

/** Marks the file as a registry, so that another program's database is not taken for one: "HRrg". */
const APPLICATION = 0x48_52_72_67;

/** How long a writer waits for another, ms. */
const BUSY_TIMEOUT_MS = 5000;

const SCHEMA = `
  CREATE TABLE versions (model TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (model, version)) STRICT;
  CREATE TABLE aliases (model TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (model, alias),
    FOREIGN KEY (model, version) REFERENCES versions) STRICT;
  CREATE TABLE moves (id INTEGER PRIMARY KEY, model TEXT NOT NULL, alias TEXT NOT NULL, from_version INTEGER,
    to_version INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION};
  PRAGMA user_version = ${FORMAT};
`;

/**
 * The model registry in one SQLite file; several processes may use it at once. An acknowledged write survives the
 * process and the machine's power (WAL, synchronous = FULL).
 * Errors: REGISTRY_FILE, REGISTRY_FORMAT, REGISTRY_WRITE, REGISTRY_BUSY.
 */
export class SqliteRegistry implements ModelRegistry {
  readonly #path: string;
  readonly #database: DatabaseSync;
  /** By their text: a server asks for its champion every second. */
  readonly #reads = new Map<string, StatementSync>();

  constructor(path: string, { busyTimeoutMs = BUSY_TIMEOUT_MS }: { readonly busyTimeoutMs?: number } = {}) {
    this.#path = path;
    this.#database = openDatabase(path, busyTimeoutMs);
  }

  register(version: NewModelVersion): ModelVersion {
    return this.#transaction(() => {
      const row = this.#database
        .prepare('SELECT COALESCE(MAX(version), 0) + 1 AS next FROM versions WHERE model = ?')
        .get(version.model);
      const registered: ModelVersion = { ...version, version: Number(row?.['next']) };
      this.#database
        .prepare('INSERT INTO versions (model, version, body) VALUES (?, ?, ?)')
        .run(version.model, registered.version, JSON.stringify(registered));
      return registered;
    });
  }

  models(): readonly string[] {
    return this.#all('SELECT DISTINCT model FROM versions ORDER BY model').map((row) => String(row['model']));
  }

  versions(model: string): readonly ModelVersion[] {
    return this.#all('SELECT body FROM versions WHERE model = ? ORDER BY version', model).map(parseVersion);
  }

  version(model: string, version: number): ModelVersion {
    const [row] = this.#all('SELECT body FROM versions WHERE model = ? AND version = ?', model, version);
    if (row === undefined) throw fail('REGISTRY_VERSION', { model, version });
    return parseVersion(row);
  }

  alias(model: string, alias: string): number | null {
    const [row] = this.#all('SELECT version FROM aliases WHERE model = ? AND alias = ?', model, alias);
    return row === undefined ? null : Number(row['version']);
  }

  moveAlias(
    model: string,
    alias: string,
    { expected, to, at }: { readonly expected: number | null; readonly to: number; readonly at: number },
  ): void {
    this.#transaction(() => {
      const found = this.alias(model, alias);
      if (found !== expected) throw fail('REGISTRY_MOVED', { model, alias, found, expected });
      this.version(model, to);
      this.#database
        .prepare(
          'INSERT INTO aliases (model, alias, version) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version',
        )
        .run(model, alias, to);
      this.#database
        .prepare('INSERT INTO moves (model, alias, from_version, to_version, at) VALUES (?, ?, ?, ?, ?)')
        .run(model, alias, expected, to, at);
    });
  }

  moves(model: string): readonly AliasMove[] {
    const rows = this.#all('SELECT alias, from_version, to_version, at FROM moves WHERE model = ? ORDER BY id', model);
    return rows.map((row) => ({
      alias: String(row['alias']),
      from: row['from_version'] === null ? null : Number(row['from_version']),
      to: Number(row['to_version']),
      at: Number(row['at']),
    }));
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    try {
      const statement = this.#reads.get(sql) ?? this.#database.prepare(sql);
      this.#reads.set(sql, statement);
      return statement.all(...values);
    } catch (error) {
      throw failureOf(error, this.#path, 'read');
    }
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk has already ended the transaction.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw failureOf(error, this.#path, 'write');
    }
  }
}

type Row = Readonly<Record<string, unknown>>;

function openDatabase(path: string, timeout: number): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout });
    if (pragma(database, 'user_version') === 0) createSchema(database);
    const format = pragma(database, 'user_version');
    if (pragma(database, 'application_id') !== APPLICATION) {
      throw fail('REGISTRY_FILE', { path, reason: 'it is the database of another program' });
    }
    if (format !== FORMAT) throw fail('REGISTRY_FORMAT', { path, format, known: FORMAT });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    const [verdict] = database.prepare('PRAGMA quick_check').all();
    if (verdict?.['quick_check'] !== 'ok')
      throw fail('REGISTRY_FILE', { path, reason: String(verdict?.['quick_check']) });
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

function parseVersion(row: Row): ModelVersion {
  return JSON.parse(String(row['body'])) as ModelVersion;
}
