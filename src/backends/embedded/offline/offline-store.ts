import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fail } from '../../../base/errors/fail.ts';
import type { Clock } from '../../../base/time.ts';
import type {
  DamagedFile,
  OfflineChange,
  OfflineQueries,
  OfflineRetention,
  OfflineStore,
  OfflineTable,
  OfflineTableState,
  OfflineValue,
  RowBatch,
  TableFiles,
} from '../../../ports/offline-store.ts';
import type { Position } from '../../../ports/position.ts';
import type { Lock } from '../lock.ts';
import { checkRows, eachChecked } from './check-rows.ts';
import { checkTableName, lockDirectory, removeOrphans, scratchPath, writeError } from './directory.ts';
import { Engine } from './engine.ts';
import { outdatedFiles } from './file-choice.ts';
import { groupedByColumns } from './file-columns.ts';
import { FileMerges } from './file-merges.ts';
import { type Manifest, type ManifestFile, readNewest, syncPaths } from './manifest.ts';
import { checkColumns, withChange, withColumns, withFiles } from './next-manifest.ts';
import { PublishedFiles } from './published-files.ts';
import { PublishedManifest } from './published-manifest.ts';
import { putBack } from './put-back.ts';
import { nothingOf } from './sql-text.ts';
import { exportMeta, StoredRows } from './stored-rows.ts';

export interface OfflineStoreOptions {
  /** The store's directory. */
  readonly path: string;
  readonly access: 'write' | 'read';
  /** Real time, epoch ms: how long retired files stay is measured by it. */
  readonly clock: Clock;
  /** Memory limit of DuckDB, bytes; a query that needs more spills into the store's scratch directory. */
  readonly memoryLimitBytes?: number;
  readonly threads?: number;
  /** Called after a publish to a table, with the bytes of its file. */
  readonly onPublished?: (table: string, bytes: number) => void;
  /** How long a file that compaction, retention or a replacement took out stays for readers that were open before. */
  readonly keepRetiredMs?: number;
  /** Files of this size are not merged any further. */
  readonly wholeFileBytes?: number;
  /** A table that has this many smaller files is compacted when it is published to. */
  readonly compactAtFiles?: number;
}

/** How often it is looked whether queries have ended, ms. */
const PURGE_WAIT_MS = 5;

type Resolved = Required<OfflineStoreOptions>;

const defaults = {
  memoryLimitBytes: 2 ** 30,
  threads: 2,
  keepRetiredMs: 15 * 60_000,
  wholeFileBytes: 64 * 2 ** 20,
  compactAtFiles: 64,
  onPublished: () => undefined,
};

/**
 * Opens an offline store: a directory of Parquet files and a manifest; one process at a time opens it for writing.
 * Errors: OFFLINE_LOCKED, OFFLINE_ABSENT, OFFLINE_WRITE, OFFLINE_CORRUPT, OFFLINE_VERSION.
 */
export async function openOfflineStore(options: OfflineStoreOptions): Promise<OfflineStore> {
  const resolved: Resolved = { ...defaults, ...options, path: resolve(options.path) };
  const { path, access, memoryLimitBytes, threads } = resolved;
  const lock = access === 'write' ? lockDirectory(path) : null;
  try {
    if (!existsSync(path)) throw fail('OFFLINE_ABSENT', { path });
    const manifest = readNewest(path);
    if (lock !== null) removeOrphans(path, manifest);
    const engine = await Engine.open({ memoryLimitBytes, threads, scratch: scratchPath(path) });
    return new EmbeddedOfflineStore(resolved, manifest, engine, lock);
  } catch (error) {
    lock?.release();
    throw error;
  }
}

class EmbeddedOfflineStore implements OfflineStore {
  readonly #options: Resolved;
  readonly #engine: Engine;
  readonly #lock: Lock | null;
  readonly #files: PublishedFiles;
  readonly #manifest: PublishedManifest;
  readonly #rows: StoredRows;
  readonly #merges: FileMerges;
  #closed = false;

  constructor(options: Resolved, manifest: Manifest, engine: Engine, lock: Lock | null) {
    this.#options = options;
    this.#files = new PublishedFiles(options.path);
    this.#manifest = new PublishedManifest(options, manifest, this.#files, lock !== null);
    this.#rows = new StoredRows(engine, this.#manifest, this.#files);
    this.#merges = new FileMerges(options, this.#manifest, this.#files, this.#rows);
    this.#engine = engine;
    this.#lock = lock;
  }

  async publish(change: OfflineChange): Promise<void> {
    for (const { table, ...rows } of change.tables) checkRows(table, rows);
    await this.#publish(change, (append, paths) => this.#rows.writeAppend(append, paths));
  }

  async publishQueries({ appends, ...change }: OfflineQueries): Promise<number> {
    const written = await this.#publish({ ...change, tables: appends }, (append, paths) =>
      this.#rows.writeQuery(append, paths),
    );
    return written.reduce((rows, file) => rows + (file?.rows ?? 0), 0);
  }

  /** Publishes the files that are written for each table; returns them. */
  async #publish<T extends { readonly table: OfflineTable }>(
    change: Omit<OfflineChange, 'tables'> & { readonly tables: readonly T[] },
    write: (append: T, paths: string[]) => Promise<ManifestFile | null>,
  ): Promise<readonly (ManifestFile | null)[]> {
    this.#mustBeOpen();
    const written: (ManifestFile | null)[] = [];
    await this.#manifest.inTurn(async () => {
      for (const { table } of change.tables) checkTableName(table.name);
      // Made once without files for its checks, so that nothing is written for a change that is refused.
      withChange(
        this.#manifest.now,
        change,
        change.tables.map(() => null),
        0,
      );
      await this.#manifest.publish(async (paths) => {
        for (const append of change.tables) written.push(await write(append, paths));
        return withChange(this.#manifest.now, change, written, this.#options.clock());
      });
      change.tables.forEach(({ table }, i) => {
        this.#options.onPublished(table.name, written[i]?.bytes ?? 0);
        if (!this.#closed) this.#merges.startIfDue(table.name);
      });
    });
    return written;
  }

  position(writer: string): Position | null {
    return this.#manifest.now.positions[writer] ?? null;
  }

  tables(): readonly OfflineTableState[] {
    return this.#manifest.now.tables.map(({ name, columns, files }) => ({
      table: { name, columns: Object.fromEntries(columns) },
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      sizeBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      files: files.map(({ path }) => this.#files.pathOf(path)),
    }));
  }

  relation(table: OfflineTable): string {
    return this.#relation(table, () => true);
  }

  soundRelation(table: OfflineTable): string {
    const damaged = this.#damagedPaths();
    return this.#relation(table, ({ path }) => !damaged.has(this.#files.pathOf(path)));
  }

  #relation(table: OfflineTable, isRead: (file: ManifestFile) => boolean): string {
    const stored = this.#manifest.now.tables.find(({ name }) => name === table.name);
    if (stored !== undefined) checkColumns(stored, table);
    const files = stored?.files.filter(isRead) ?? [];
    return stored === undefined || files.length === 0
      ? `(${nothingOf(table)})`
      : `(${this.#rows.select(stored, files)})`;
  }

  #damagedPaths(): ReadonlySet<string> {
    return new Set(this.damaged().map(({ file }) => file));
  }

  async evolve(table: OfflineTable): Promise<void> {
    this.#mustBeOpen();
    return this.#manifest.inTurn(async () => {
      const evolved = withColumns(this.#manifest.now, table, this.#options.clock());
      if (evolved !== null) await this.#manifest.publish(async () => evolved);
    });
  }

  async *query(sql: string): AsyncGenerator<readonly (readonly OfflineValue[])[]> {
    this.#mustBeOpen();
    this.#manifest.queries += 1;
    try {
      await this.#files.checkNamed(sql, this.#manifest.now);
      yield* this.#engine.stream(sql);
    } catch (error) {
      throw this.#files.blamed(error, sql, this.#manifest.now);
    } finally {
      this.#manifest.queries -= 1;
    }
  }

  exportParquet(sql: string, path: string): Promise<number> {
    return this.#outside(path, async (partial) => {
      try {
        return await this.#rows.copy(sql, partial, exportMeta);
      } catch (error) {
        throw this.#files.blamed(error, sql, this.#manifest.now);
      }
    });
  }

  exportRows(table: OfflineTable, batches: AsyncIterable<RowBatch>, path: string): Promise<number> {
    return this.#outside(path, (partial) =>
      this.#engine.write(table, eachChecked(table, batches), partial, exportMeta),
    );
  }

  async withFiles<T>(
    tables: readonly OfflineTable[],
    work: (files: readonly (readonly TableFiles[])[]) => Promise<T>,
  ): Promise<T> {
    this.#mustBeOpen();
    // As a query does, it keeps the files that it reads.
    this.#manifest.queries += 1;
    try {
      const stored = this.#manifest.now.tables.filter(({ name }) => tables.some((table) => table.name === name));
      for (const { files } of stored) await this.#files.checkOnce(files);
      return await work(tables.map((table) => this.#filesOf(table)));
    } finally {
      this.#manifest.queries -= 1;
    }
  }

  #filesOf(table: OfflineTable): readonly TableFiles[] {
    const stored = this.#manifest.now.tables.find(({ name }) => name === table.name);
    if (stored === undefined) return [];
    checkColumns(stored, table);
    return groupedByColumns(stored.files).map((group) => ({
      columns: Object.fromEntries(group[0].columns ?? stored.columns),
      paths: this.#files.named(group),
    }));
  }

  async check(most = Number.POSITIVE_INFINITY): Promise<readonly DamagedFile[]> {
    this.#mustBeOpen();
    // As a query does, it keeps the files that it reads.
    this.#manifest.queries += 1;
    try {
      for (const file of this.#files.due(this.#manifest.now, most)) await this.#files.checkAgain(file);
      return this.damaged();
    } finally {
      this.#manifest.queries -= 1;
    }
  }

  damaged(): readonly DamagedFile[] {
    return this.#files.damaged(this.#manifest.now);
  }

  async repair(copy: string): Promise<number> {
    this.#mustBeOpen();
    let repaired = 0;
    await this.#manifest.inTurn(async () => {
      const damaged = this.#damagedPaths();
      for (const file of this.#manifest.now.tables.flatMap(({ files }) => files)) {
        const path = this.#files.pathOf(file.path);
        if (!damaged.has(path) || !(await putBack(resolve(copy, file.path), path, file))) continue;
        if ((await this.#files.checkAgain(file)) === null) repaired += 1;
      }
    });
    return repaired;
  }

  async replaceDamaged(table: OfflineTable, rows: AsyncIterable<RowBatch>, expected?: number): Promise<number> {
    this.#mustBeOpen();
    let written = 0;
    await this.#manifest.inTurn(async () => {
      const stored = this.#manifest.table(table.name);
      checkColumns(stored, table);
      const damaged = this.#damagedPaths();
      const isDamaged = ({ path }: ManifestFile) => damaged.has(this.#files.pathOf(path));
      const place = stored.files.findIndex(isDamaged);
      if (place < 0) return;
      await this.#manifest.publish(async (paths) => {
        const file = await this.#rows.write(table.name, paths, (path, meta) =>
          this.#engine.write(table, eachChecked(table, rows), path, meta),
        );
        written = file.rows;
        if (expected !== undefined && written !== expected)
          throw fail('OFFLINE_REBUILD', {
            table: table.name,
            reason: `they had ${expected} rows, and ${written} were found for them`,
          });
        const kept = [...stored.files.slice(0, place), file, ...stored.files.slice(place)];
        return withFiles(
          this.#manifest.now,
          table.name,
          kept.filter((each) => !isDamaged(each)),
          this.#options.clock(),
        );
      });
    });
    return written;
  }

  async refresh(): Promise<void> {
    this.#mustBeOpen();
    this.#manifest.refresh();
  }

  async compact(tableName: string): Promise<void> {
    this.#mustBeOpen();
    this.#manifest.mustWrite();
    await this.#manifest.settled();
    this.#manifest.table(tableName);
    return this.#merges.merge(tableName);
  }

  async retain(tableName: string, rule: OfflineRetention): Promise<void> {
    this.#mustBeOpen();
    return this.#manifest.inTurn(async () => {
      const { files } = this.#manifest.table(tableName);
      const newest = await this.#files.newest(this.#engine, this.#manifest.now, files, rule.timeColumn);
      const outdated = outdatedFiles(files, newest, rule);
      if (outdated.size === 0) return;
      // A damaged file may say that it is older than it is.
      await this.#files.checkOnce(files.filter(({ path }) => outdated.has(path)));
      const kept = files.filter(({ path }) => !outdated.has(path));
      await this.#manifest.publish(async () => withFiles(this.#manifest.now, tableName, kept, this.#options.clock()));
    });
  }

  async erase(tableName: string, where: string): Promise<number> {
    let erased = 0;
    await this.#manifest.inTurn(async () => {
      const table = this.#manifest.table(tableName);
      const hits = await this.#rows.countWhere(table, where);
      if (hits.size === 0) return;
      await this.#manifest.publish(async (paths) => {
        const files: ManifestFile[] = [];
        for (const file of table.files) {
          const hit = hits.get(file) ?? 0;
          erased += hit;
          if (hit === 0) files.push(file);
          else if (hit < file.rows) files.push(await this.#rows.writeWithout(table, file, where, paths));
        }
        return withFiles(this.#manifest.now, tableName, files, this.#options.clock());
      });
    });
    return erased;
  }

  purge(): Promise<void> {
    return this.#manifest.inTurn(async () => {
      while (this.#manifest.queries > 0) await setTimeout(PURGE_WAIT_MS);
      const { retired } = this.#manifest.now;
      if (retired.length === 0) return;
      await this.#manifest.publish(async () => ({
        ...this.#manifest.now,
        sequence: this.#manifest.now.sequence + 1,
        retired: [],
      }));
      for (const { path } of retired) this.#manifest.remove(path);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#merges.settled();
    await this.#manifest.settled();
    this.#engine.close();
    this.#lock?.release();
  }

  async #outside(path: string, write: (partial: string) => Promise<number>): Promise<number> {
    this.#mustBeOpen();
    const partial = `${path}.tmp`;
    this.#manifest.queries += 1;
    try {
      mkdirSync(dirname(path), { recursive: true });
      const rows = await write(partial);
      await syncPaths([partial]);
      renameSync(partial, path);
      return rows;
    } catch (error) {
      rmSync(partial, { force: true });
      throw writeError(error, path);
    } finally {
      this.#manifest.queries -= 1;
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw fail('OFFLINE_CLOSED', { path: this.#options.path });
  }
}
