import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fail } from '../../../base/errors/fail.ts';
import type { AliasMove, ModelRegistry, ModelVersion, NewModelVersion } from '../../../ports/model-registry.ts';

/** Format of the file, kept as SQLite's user_version. */
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE versions (model TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (model, version)) STRICT;
  CREATE TABLE aliases (model TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (model, alias),
    FOREIGN KEY (model, version) REFERENCES versions) STRICT;
  CREATE TABLE moves (id INTEGER PRIMARY KEY, model TEXT NOT NULL, alias TEXT NOT NULL, from_version INTEGER,
    to_version INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  PRAGMA user_version = ${FORMAT};
`;

/** The model registry in one SQLite file; several processes may use it at once. Errors: REGISTRY_FILE, REGISTRY_FORMAT. */
export class SqliteRegistry implements ModelRegistry {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = openDatabase(path);
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
    return this.#database
      .prepare('SELECT DISTINCT model FROM versions ORDER BY model')
      .all()
      .map((row) => String(row['model']));
  }

  versions(model: string): readonly ModelVersion[] {
    return this.#database
      .prepare('SELECT body FROM versions WHERE model = ? ORDER BY version')
      .all(model)
      .map(parseVersion);
  }

  version(model: string, version: number): ModelVersion {
    const row = this.#database.prepare('SELECT body FROM versions WHERE model = ? AND version = ?').get(model, version);
    if (row === undefined) throw fail('REGISTRY_VERSION', { model, version });
    return parseVersion(row);
  }

  alias(model: string, alias: string): number | null {
    const row = this.#database.prepare('SELECT version FROM aliases WHERE model = ? AND alias = ?').get(model, alias);
    return row === undefined ? null : Number(row['version']);
  }

  moveAlias(
    model: string,
    alias: string,
    { expected, to, at }: { expected: number | null; to: number; at: number },
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
    return this.#database
      .prepare('SELECT alias, from_version, to_version, at FROM moves WHERE model = ? ORDER BY id')
      .all(model)
      .map((row) => ({
        alias: String(row['alias']),
        from: row['from_version'] === null ? null : Number(row['from_version']),
        to: Number(row['to_version']),
        at: Number(row['at']),
      }));
  }

  close(): void {
    this.#database.close();
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function openDatabase(path: string): DatabaseSync {
  const isNew = !existsSync(path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec(
      'PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;',
    );
    if (isNew || formatOf(database) === 0) createSchema(database);
    const format = formatOf(database);
    if (format !== FORMAT) throw fail('REGISTRY_FORMAT', { path, format, known: FORMAT });
    const [verdict] = database.prepare('PRAGMA quick_check').all();
    if (verdict?.['quick_check'] !== 'ok')
      throw fail('REGISTRY_FILE', { path, reason: String(verdict?.['quick_check']) });
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && error.name === 'HeadraceError') throw error;
    throw fail('REGISTRY_FILE', { path, reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

function createSchema(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  if (formatOf(database) === 0) database.exec(SCHEMA);
  database.exec('COMMIT');
}

function formatOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

function parseVersion(row: Readonly<Record<string, unknown>>): ModelVersion {
  return JSON.parse(String(row['body'])) as ModelVersion;
}
