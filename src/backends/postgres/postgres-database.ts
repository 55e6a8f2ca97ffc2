import { setTimeout as wait } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { Sql, SqlDatabase, SqlDialect, SqlRow, SqlSchema, SqlValue } from '../../ports/sql-database.ts';

export interface PostgresOptions {
  /** `postgres://user@host:port/database`. */
  readonly url: string;
  readonly password: string | null;
  /** The schema of the registry's tables. */
  readonly schema: string;
  /** The table of the format, one for each set of tables that shares the schema; `registry_format` where it is left out. */
  readonly formatTable?: string;
  /** Connections at most (8). */
  readonly connections?: number;
  /** PEM of the authorities to trust; null: no TLS unless the URL asks for it. */
  readonly ca: string | null;
}

const postgresDialect: SqlDialect = {
  name: 'postgres',
  like: (column) => `${column} LIKE ? ESCAPE ''`,
  ilike: (column) => `${column} ILIKE ? ESCAPE ''`,
  withoutIndex: (column) => column,
  rowByRow: ' OFFSET 0',
  mostValues: 60_000,
};

const CONNECTIONS = 8;
const CONNECT_MS = 5_000;

/** A statement that has no answer after this fails, ms. */
const STATEMENT_MS = 60_000;

/** Serialisation failure, deadlock: the transaction did nothing and may run again. */
const REPEATABLE = new Set(['40001', '40P01']);
const MOST_REPEATS = 5;

/** Any number: the lock of whoever makes the tables. */
const SCHEMA_LOCK = 4_852_872;

/** PostgreSQL's type of BIGINT. */
const INT8 = 20;

/**
 * The registry's tables in a schema of a PostgreSQL database, which any number of processes may use.
 * Errors: REGISTRY_CLIENT, REGISTRY_AWAY, REGISTRY_DATABASE, REGISTRY_FORMAT.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly dialect = postgresDialect;
  readonly #pool: Pool;
  readonly #url: string;

  private constructor(pool: Pool, url: string) {
    this.#pool = pool;
    this.#url = url;
    // A connection that breaks while nobody uses it: the next use opens another.
    pool.on('error', () => undefined);
    // One that breaks between the statements of its user: the next statement fails. Without this it ends the process.
    pool.on('connect', (client) => client.on('error', () => undefined));
  }

  static async open(options: PostgresOptions, schema: SqlSchema): Promise<PostgresDatabase> {
    const pg = await loadClient();
    pg.types.setTypeParser(INT8, Number);
    const pool = new pg.Pool({
      connectionString: options.url,
      ...(options.password === null ? {} : { password: options.password }),
      ...(options.ca === null ? {} : { ssl: { ca: options.ca } }),
      options: `-c search_path=${options.schema} -c lock_timeout=30000`,
      max: options.connections ?? CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
      application_name: 'headrace registry',
    });
    const database = new PostgresDatabase(pool, shownUrl(options.url));
    try {
      await database.write((sql) => prepareSchema(sql, options, schema, database.#url));
      return database;
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  async read<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#using((client) => work(new Statements(client, this.#url)));
  }

  async write<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    for (let repeat = 0; ; repeat += 1) {
      try {
        return await this.#using((client) => this.#transaction(client, work));
      } catch (error) {
        if (repeat >= MOST_REPEATS || !REPEATABLE.has(sqlState(error))) throw error;
        await wait(2 ** repeat * 5);
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #transaction<T>(client: PoolClient, work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = new Statements(client, this.#url);
    await sql.run('BEGIN');
    try {
      const value = await work(sql);
      await sql.run('COMMIT');
      return value;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** A connection on which a statement failed for want of the database is not used again. */
  async #using<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw failureOf(error, this.#url);
    }
    try {
      const value = await work(client);
      client.release();
      return value;
    } catch (error) {
      client.release(isHeadraceError(error, 'REGISTRY_AWAY'));
      throw error;
    }
  }
}

/** Statements on one connection. */
class Statements implements Sql {
  readonly #client: PoolClient;
  readonly #url: string;

  constructor(client: PoolClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  async all(statement: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return (await this.#query(statement, values)).rows as readonly SqlRow[];
  }

  async run(statement: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#query(statement, values)).rowCount ?? 0;
  }

  async #query(statement: string, values: readonly SqlValue[]) {
    try {
      return await this.#client.query(numbered(statement), [...values]);
    } catch (error) {
      throw failureOf(error, this.#url);
    }
  }
}

/** `?` as PostgreSQL writes it: `$1`, `$2`, … No statement of ours has a question mark in a text. */
function numbered(statement: string): string {
  const parts = statement.split('?');
  return parts.map((part, i) => (i === 0 ? part : `$${i}${part}`)).join('');
}

async function prepareSchema(
  sql: Sql,
  { schema: name, formatTable: table = 'registry_format' }: PostgresOptions,
  schema: SqlSchema,
  url: string,
): Promise<void> {
  await sql.run(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
  await sql.run(`CREATE SCHEMA IF NOT EXISTS ${name}`);
  await sql.run(`CREATE TABLE IF NOT EXISTS ${table} (format BIGINT NOT NULL)`);
  const [found] = await sql.all(`SELECT format FROM ${table}`);
  if (found === undefined) {
    for (const statement of schema.create('postgres')) await sql.run(statement);
    await sql.run(`INSERT INTO ${table} (format) VALUES (?)`, [schema.format]);
    return;
  }
  const format = Number(found['format']);
  const refuse = () => fail('REGISTRY_FORMAT', { path: url, format, known: schema.format });
  if (format > schema.format) throw refuse();
  for (let from = format; from < schema.format; from += 1) {
    const statements = schema.upgrade(from, 'postgres');
    if (statements.length === 0) throw refuse();
    for (const statement of statements) await sql.run(statement);
  }
  if (format < schema.format) await sql.run(`UPDATE ${table} SET format = ?`, [schema.format]);
}

async function loadClient() {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw fail('REGISTRY_CLIENT', { package: 'pg', reason: reasonOf(error) }, error);
  }
}

/** The address without a password, as errors show it. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) return 'postgres';
  const shown = new URL(url);
  shown.password = '';
  shown.search = '';
  return shown.href;
}

function sqlState(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

/** Classes of SQLSTATE that mean that the database is away or going: connection, resources, operator, system. */
const AWAY = /^(08|53|57P0[123]|58)/;

/** A refusal of PostgreSQL has a state of five characters; any other error is a connection that failed. */
function failureOf(error: unknown, url: string): HeadraceError {
  if (isHeadraceError(error)) return error;
  const state = sqlState(error);
  const isRefusal = /^[0-9A-Z]{5}$/.test(state) && !AWAY.test(state);
  const code = isRefusal && !REPEATABLE.has(state) ? 'REGISTRY_DATABASE' : 'REGISTRY_AWAY';
  return fail(code, { url, reason: reasonOf(error) }, error);
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
