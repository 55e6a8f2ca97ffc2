import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { isAlive } from '../../../base/is-alive.ts';
import type { OfflineTable, OfflineValue, RowBatch } from '../../../ports/offline-store.ts';
import { streamChunks } from '../parquet/stream-chunks.ts';
import { readRows } from './read-rows.ts';
import { quoteText } from './sql-text.ts';
import { StagingTable } from './staging-table.ts';

export interface EngineOptions {
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** Where queries that outgrow the memory put what they cannot keep. */
  readonly scratch: string;
}

/** DuckDB in memory: it has no tables of its own but what is being written. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #instance: DuckDBInstance;
  readonly #scratch: string;

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
    const connection = await this.#instance.connect();
    try {
      for await (const chunk of streamChunks(connection, sql)) yield readRows(chunk);
    } catch (error) {
      throw this.#translated(error);
    } finally {
      connection.closeSync();
    }
  }

  /** Runs SQL that has few rows. */
  async rows(sql: string): Promise<readonly (readonly OfflineValue[])[]> {
    const rows: (readonly OfflineValue[])[] = [];
    for await (const batch of this.stream(sql)) rows.push(...batch);
    return rows;
  }

  /** Writes the rows of SQL as a Parquet file; returns their number. `meta` goes into the file's key-value metadata. */
  async copy(sql: string, path: string, meta: Readonly<Record<string, string>>): Promise<number> {
    return this.#writing(path, (connection) => copyTo(connection, sql, path, meta));
  }

  /** Writes rows that come in batches as one Parquet file; returns their number. Error: OFFLINE_VALUE. */
  async write(
    table: OfflineTable,
    batches: Iterable<RowBatch> | AsyncIterable<RowBatch>,
    path: string,
    meta: Readonly<Record<string, string>>,
  ): Promise<number> {
    return this.#writing(path, async (connection) => {
      const staging = new StagingTable(connection, table);
      for await (const batch of batches) await staging.append(batch);
      return copyTo(connection, staging.close(), path, meta);
    });
  }

  close(): void {
    this.#instance.closeSync();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** Runs work on its own connection: temporary tables end with it. */
  async #writing(path: string, work: (connection: DuckDBConnection) => Promise<number>): Promise<number> {
    const connection = await this.#instance.connect();
    try {
      return await work(connection);
    } catch (error) {
      throw this.#translated(error, path);
    } finally {
      connection.closeSync();
    }
  }

  #translated(error: unknown, path = ''): unknown {
    if (isHeadraceError(error) || !(error instanceof Error)) return error;
    const reason = error.message.split('\n')[0];
    if (/^Out of Memory/.test(reason))
      return fail('OFFLINE_MEMORY', { limit: memoryText(this.#options.memoryLimitBytes) }, error);
    if (/No space left on device|Disk quota exceeded/.test(reason))
      return fail('OFFLINE_FULL', { path: path === '' ? this.#scratch : path }, error);
    if (path !== '' && /^IO Error: (Cannot open file|Could not write|Could not create)/.test(reason))
      return fail('OFFLINE_WRITE', { path, reason }, error);
    return fail('OFFLINE_QUERY', { reason }, error);
  }
}

let instances = 0;

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
): Promise<number> {
  const pairs = Object.entries(meta).map(([name, value]) => `${name}: ${quoteText(value)}`);
  const result = await connection.run(
    `COPY (${sql}) TO ${quoteText(path)} (FORMAT PARQUET, COMPRESSION ZSTD, KV_METADATA {${pairs.join(', ')}})`,
  );
  const [[rows]] = await result.getRows();
  return Number(rows);
}

function memoryText(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20)}MiB`;
}
