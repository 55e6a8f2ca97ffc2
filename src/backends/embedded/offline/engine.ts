import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { isAlive } from '../../../base/is-alive.ts';
import type { OfflineTable, OfflineValue, RowBatch } from '../../../ports/offline-store.ts';
import { streamChunks } from '../parquet/stream-chunks.ts';
import { quoteText } from './sql-text.ts';
import { StagingTable } from './staging-table.ts';

export interface EngineOptions {
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** Where queries that outgrow the memory put what they cannot keep. */
  readonly scratch: string;
}

/** The longest wait for the end of other work, ms. */
const MEMORY_WAIT_MS = 30_000;

/** The same while all of it waits for its caller: the caller may wait for this very query. */
const CALLERS_WAIT_MS = 2_000;

/**
 * DuckDB in memory: it has no tables of its own but what is being written. All queries share its memory. Those that find no
 * room are tried again one after the other, each once the others have ended, so that only a query that does not fit alone fails.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #instance: DuckDBInstance;
  readonly #scratch: string;
  #running = 0;
  /** Of those that run, how many wait for their callers: to take rows, or to bring them. */
  #idle = 0;
  #changed: (() => void)[] = [];
  /** Work that is tried again, in turn. */
  #again: Promise<void> = Promise.resolve();

  private constructor(options: EngineOptions, instance: DuckDBInstance, scratch: string) {
    this.#options = options;
    this.#instance = instance;
    this.#scratch = scratch;
  }

  static async open(options: EngineOptions): Promise<Engine> {
    // Two DuckDBs in one directory would take each other's files for their own.
    const scratch = join(options.scratch, `${process.pid}-${instances++}`);
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: memoryText(options.memoryLimitBytes),
      threads: String(options.threads),
      temp_directory: scratch,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return new Engine(options, instance, scratch);
  }

  /** Runs SQL and gives its rows in batches, as they come. */
  async *stream(sql: string): AsyncGenerator<readonly (readonly OfflineValue[])[]> {
    let rows = this.#streamOnce(sql);
    let first = await this.#withRoom(
      () => rows.next(),
      () => {
        rows = this.#streamOnce(sql);
      },
    );
    try {
      for (; first.done !== true; first = await rows.next()) yield first.value;
    } finally {
      await rows.return(undefined);
    }
  }

  async *#streamOnce(sql: string): AsyncGenerator<readonly (readonly OfflineValue[])[]> {
    const connection = await this.#begin();
    try {
      for await (const chunk of streamChunks(connection, sql)) {
        this.#waits(1);
        try {
          yield readRows(chunk);
        } finally {
          this.#waits(-1);
        }
      }
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      this.#end(connection);
    }
  }

  /** Runs SQL that has few rows. */
  async rows(sql: string): Promise<readonly (readonly OfflineValue[])[]> {
    const rows: (readonly OfflineValue[])[] = [];
    for await (const batch of this.stream(sql)) rows.push(...batch);
    return rows;
  }

  /** Writes the rows of SQL as a Parquet file; returns their number. `meta` goes into the file's key-value metadata. */
  async copy(
    sql: string,
    path: string,
    meta: Readonly<Record<string, string>>,
    rowGroup = WHOLE_ROW_GROUP,
  ): Promise<number> {
    return this.#withRoom(() => this.#writingOnce(path, (connection) => copyTo(connection, sql, path, meta, rowGroup)));
  }

  /** Writes rows that come in batches as one Parquet file; returns their number. Error: OFFLINE_VALUE. */
  async write(
    table: OfflineTable,
    batches: Iterable<RowBatch> | AsyncIterable<RowBatch>,
    path: string,
    meta: Readonly<Record<string, string>>,
  ): Promise<number> {
    const staged = async (connection: DuckDBConnection) => {
      const staging = new StagingTable(connection, table);
      this.#waits(1);
      try {
        for await (const batch of batches) await staging.append(batch);
      } finally {
        this.#waits(-1);
      }
      return copyTo(connection, staging.close(), path, meta);
    };
    // Batches that come from somewhere are read once, so that this is tried once.
    const write = () => this.#writingOnce(path, staged);
    return Array.isArray(batches) ? this.#withRoom(write) : write();
  }

  close(): void {
    this.#instance.closeSync();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** Runs work on its own connection: temporary tables end with it. */
  async #writingOnce(path: string, work: (connection: DuckDBConnection) => Promise<number>): Promise<number> {
    const connection = await this.#begin();
    try {
      return await work(connection);
    } catch (error) {
      // DuckDB leaves what it had written, under this name.
      rmSync(join(dirname(path), `tmp_${basename(path)}.tmp`), { force: true });
      throw await this.#failed(error, path);
    } finally {
      this.#end(connection);
    }
  }

  async #begin(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect();
    this.#running += 1;
    return connection;
  }

  #end(connection: DuckDBConnection): void {
    connection.closeSync();
    this.#running -= 1;
    this.#change();
  }

  #waits(by: 1 | -1): void {
    this.#idle += by;
    this.#change();
  }

  #change(): void {
    for (const changed of this.#changed.splice(0)) changed();
  }

  /** Runs work, and once more in its turn if it failed for want of memory. */
  async #withRoom<T>(work: () => Promise<T>, before: () => void = () => undefined): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isHeadraceError(error) || error.code !== 'OFFLINE_MEMORY') throw error;
    }
    const turn = this.#again.then(async () => {
      await this.#others();
      before();
      return work();
    });
    this.#again = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  /** Ends when no work runs, at the latest after a while. */
  async #others(): Promise<void> {
    const until = performance.now() + MEMORY_WAIT_MS;
    let idleUntil = Number.POSITIVE_INFINITY;
    while (this.#running > 0) {
      const now = performance.now();
      idleUntil = this.#idle < this.#running ? Number.POSITIVE_INFINITY : Math.min(idleUntil, now + CALLERS_WAIT_MS);
      const left = Math.min(until, idleUntil) - now;
      if (left <= 0) return;
      const ended = new AbortController();
      const changed = new Promise<void>((resolve) => this.#changed.push(resolve));
      await Promise.race([changed, setTimeout(left, undefined, { signal: ended.signal }).catch(() => undefined)]);
      ended.abort();
    }
  }

  async #failed(error: unknown, path = ''): Promise<unknown> {
    const failure = this.#translated(error, path);
    if (isHeadraceError(failure, 'OFFLINE_MEMORY')) await freeChunks();
    return failure;
  }

  #translated(error: unknown, path = ''): unknown {
    if (isHeadraceError(error) || !(error instanceof Error)) return error;
    const reason = error.message.split('\n')[0];
    if (/^Out of Memory|failed to allocate data of size/.test(reason))
      return fail('OFFLINE_MEMORY', { limit: memoryText(this.#options.memoryLimitBytes) }, error);
    if (/No space left on device|Disk quota exceeded/.test(reason))
      return fail('OFFLINE_FULL', { path: path === '' ? this.#scratch : path }, error);
    if (path !== '' && /^IO Error: (Cannot open file|Could not write|Could not create)/.test(reason))
      return fail('OFFLINE_WRITE', { path, reason }, error);
    return fail('OFFLINE_QUERY', { reason }, error);
  }
}

let instances = 0;

/** Rows of a row group, DuckDB's default. */
const WHOLE_ROW_GROUP = 122_880;
/** Rows of the smallest row group: a vector of DuckDB. */
const LEAST_ROW_GROUP = 2_048;
/** Bytes of a row group in a file, about. Each thread that writes holds one, several times as large. */
const ROW_GROUP_BYTES = 4 * 2 ** 20;

/** Rows of a row group whose bytes fit the memory, as far as other files of these rows tell. */
export function rowGroupOf(files: readonly { readonly rows: number; readonly bytes: number }[]): number {
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const fitting =
    Math.floor((ROW_GROUP_BYTES * Math.max(1, rows)) / Math.max(1, bytes) / LEAST_ROW_GROUP) * LEAST_ROW_GROUP;
  return Math.min(WHOLE_ROW_GROUP, Math.max(LEAST_ROW_GROUP, fitting));
}

/** Makes the directory for scratch files, and removes those of dead processes. */
export function clearScratch(scratch: string): void {
  mkdirSync(scratch, { recursive: true });
  for (const name of readdirSync(scratch)) {
    if (!isAlive(Number(name.split('-')[0]))) rmSync(join(scratch, name), { recursive: true, force: true });
  }
}

async function copyTo(
  connection: DuckDBConnection,
  sql: string,
  path: string,
  meta: Readonly<Record<string, string>>,
  rowGroup = WHOLE_ROW_GROUP,
): Promise<number> {
  const pairs = Object.entries(meta).map(([name, value]) => `${name}: ${quoteText(value)}`);
  const result = await connection.run(
    `COPY (${sql}) TO ${quoteText(path)} (FORMAT PARQUET, COMPRESSION ZSTD, ROW_GROUP_SIZE ${rowGroup}, KV_METADATA {${pairs.join(', ')}})`,
  );
  const [[rows]] = await result.getRows();
  return Number(rows);
}

function memoryText(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}MiB`;
}

/**
 * Frees the memory of chunks that nothing refers to any longer. DuckDB counts it until V8 collects the objects, and V8 does not
 * know how large they are: without this, one failed query could make all that follow fail.
 */
async function freeChunks(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  // Finalizers run in a later turn.
  await new Promise((done) => setImmediate(done));
}

/**
 * The rows of a chunk. BIGINT and HUGEINT come as bigint, smaller whole numbers as number, DECIMAL without digits after
 * the point as bigint and with them as text, a type that no offline column has (DATE, TIMESTAMP, …) as its text.
 */
function readRows(chunk: DuckDBDataChunk): OfflineValue[][] {
  const { rowCount, columnCount } = chunk;
  const rows: OfflineValue[][] = [];
  for (let r = 0; r < rowCount; r += 1) rows.push(new Array(columnCount));
  for (let c = 0; c < columnCount; c += 1) {
    const vector = chunk.getColumnVector(c);
    for (let r = 0; r < rowCount; r += 1) rows[r][c] = offlineValue(vector.getItem(r));
  }
  return rows;
}

function offlineValue(value: DuckDBValue): OfflineValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof DuckDBListValue) return value.items.map(listItem);
  if (value instanceof DuckDBDecimalValue) return value.scale === 0 ? value.value : value.toString();
  if (value instanceof DuckDBBlobValue) return value.bytes;
  return String(value);
}

/** A null among the elements has no place in the port's lists, and must not pass for something else. */
function listItem(value: DuckDBValue): bigint | number | string | boolean {
  const item = offlineValue(value);
  if (item === null) throw fail('OFFLINE_QUERY', { reason: 'a list in its result has a null in it' });
  return typeof item === 'object' ? String(item) : item;
}
