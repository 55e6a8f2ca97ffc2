import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import type {
  Sql,
  SqlDatabase,
  SqlDialect,
  SqlRow,
  SqlSchema,
  SqlValue,
  WriteOptions,
} from '../../../ports/sql-database.ts';
import { type SqliteKind, sqliteKinds } from '../sqlite-kind.ts';
import { type FailedFile, failureOf, isBusy } from './sqlite-failure.ts';
import { openSqliteFile } from './sqlite-file.ts';

/** How long a writer waits for another, ms. */
const BUSY_TIMEOUT_MS = 5_000;

/** Pause between two attempts to become the writer, ms. */
const BUSY_PAUSE_MS = 2;

/** Transactions that wait at the same time are committed, and synced to disk, together: at most this many. */
const MOST_TOGETHER = 64;

/** Time for which a commit waits for those that shared the last one, ms. */
const GATHER_MS = 1;

/** Prepared statements that are kept. */
const MOST_STATEMENTS = 400;

/** The file name that SQLite takes for a database in memory. */
const IN_MEMORY = ':memory:';

const sqliteDialect: SqlDialect = {
  name: 'sqlite',
  like: (column) => `${column} LIKE ?`,
  ilike: (column) => `fold(${column}) LIKE fold(?)`,
  withoutIndex: (column) => `+${column}`,
  rowByRow: '',
  mostValues: 32_000,
};

interface Waiting {
  readonly work: (sql: Sql) => Promise<unknown>;
  readonly isAlone: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export interface SqliteDatabaseOptions {
  /** Time to wait for the lock of another process, ms. */
  readonly busyTimeoutMs?: number;
  /** A registry where it is left out. */
  readonly kind?: SqliteKind;
}

/**
 * Tables in one SQLite file, which several processes may use at once. Writes that wait together share one commit. An
 * acknowledged write survives the process and the machine's power (WAL, synchronous = FULL).
 * Errors: the four codes of its kind, such as REGISTRY_FILE, REGISTRY_FORMAT, REGISTRY_WRITE and REGISTRY_BUSY.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly dialect = sqliteDialect;
  readonly #file: FailedFile;
  readonly #busyTimeoutMs: number;
  readonly #writer: Connection;
  /** In memory there is one connection only: reads take their turn among the writes. */
  readonly #reader: Connection | null;
  readonly #queue: Waiting[] = [];
  #draining: Promise<void> | null = null;

  constructor(path: string, schema: SqlSchema, options: SqliteDatabaseOptions = {}) {
    const { kind = sqliteKinds.registry } = options;
    const file = { path, kind };
    this.#file = file;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? BUSY_TIMEOUT_MS;
    this.#writer = new Connection(openSqliteFile(file, schema, this.#busyTimeoutMs), file, 'write');
    this.#reader = path === IN_MEMORY ? null : new Connection(openReader(file), file, 'read');
  }

  read<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#reader === null ? this.write(work) : work(this.#reader);
  }

  write<T>(work: (sql: Sql) => Promise<T>, { isAlone = false }: WriteOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, isAlone, resolve: resolve as (value: never) => void, reject });
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    await this.#draining;
    this.#reader?.close();
    this.#writer.close();
  }

  async #drain(): Promise<void> {
    // Those that ask in the same turn join the first commit.
    await null;
    let before = 1;
    while (this.#queue.length > 0) {
      // Clients that shared the last commit come back together: one sync of the disk for all of them.
      if (before > 1 && this.#queue.length < before) await wait(GATHER_MS);
      const together = this.#nextGroup();
      before = together.length;
      const done: (() => void)[] = [];
      try {
        await this.#begin();
        for (const waiting of together) done.push(await this.#runOne(waiting));
        this.#writer.exec('COMMIT');
        for (const settle of done) settle();
      } catch (error) {
        this.#writer.rollBack();
        const failure = failureOf(error, this.#file, 'write');
        for (const waiting of together) waiting.reject(failure);
      }
    }
    this.#draining = null;
  }

  /** Takes the transactions that share the next commit; a single one may have a commit for itself. */
  #nextGroup(): readonly Waiting[] {
    const alone = this.#queue.findIndex(({ isAlone }) => isAlone);
    return this.#queue.splice(0, alone === -1 ? MOST_TOGETHER : Math.min(Math.max(1, alone), MOST_TOGETHER));
  }

  /** Runs one transaction of the group; returns what settles its promise after the commit. */
  async #runOne({ work, resolve, reject }: Waiting): Promise<() => void> {
    this.#writer.exec('SAVEPOINT one');
    try {
      const value = await work(this.#writer);
      this.#writer.exec('RELEASE one');
      return () => resolve(value as never);
    } catch (error) {
      // A full disk has already ended the transaction of the whole group.
      if (!this.#writer.isTransaction) throw error;
      this.#writer.exec('ROLLBACK TO one; RELEASE one');
      return () => reject(error);
    }
  }

  /** Waits without blocking the thread while another process writes. Error: REGISTRY_BUSY. */
  async #begin(): Promise<void> {
    const end = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      try {
        return this.#writer.exec('BEGIN IMMEDIATE');
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw error;
        await wait(BUSY_PAUSE_MS);
      }
    }
  }
}

/** One connection with its prepared statements. */
class Connection implements Sql {
  readonly #database: DatabaseSync;
  readonly #file: FailedFile;
  readonly #use: 'read' | 'write';
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, file: FailedFile, use: 'read' | 'write') {
    this.#database = database;
    this.#file = file;
    this.#use = use;
    database.exec('PRAGMA case_sensitive_like = ON');
    database.function('fold', { deterministic: true }, (text) =>
      typeof text === 'string' ? text.toLowerCase() : null,
    );
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  async all(statement: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    try {
      return this.#prepared(statement).all(...values) as unknown as readonly SqlRow[];
    } catch (error) {
      throw failureOf(error, this.#file, this.#use);
    }
  }

  async run(statement: string, values: readonly SqlValue[] = []): Promise<number> {
    try {
      return Number(this.#prepared(statement).run(...values).changes);
    } catch (error) {
      throw failureOf(error, this.#file, this.#use);
    }
  }

  exec(statement: string): void {
    this.#database.exec(statement);
  }

  rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepared(statement: string): StatementSync {
    const known = this.#statements.get(statement);
    if (known !== undefined) return known;
    if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear();
    const prepared = this.#database.prepare(statement);
    this.#statements.set(statement, prepared);
    return prepared;
  }
}

function openReader(file: FailedFile): DatabaseSync {
  try {
    // Not opened read-only: such a connection has no locks of its own where the log of changes begins.
    return new DatabaseSync(file.path, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw failureOf(error, file, 'open');
  }
}
