import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fail } from '../../../base/errors/fail.ts';
import type { Clock } from '../../../base/time.ts';
import type {
  DamagedFile,
  OfflineChange,
  OfflineRetention,
  OfflineStore,
  OfflineTable,
  OfflineTableState,
  OfflineValue,
  RowBatch,
  TableAppend,
  TableFiles,
} from '../../../ports/offline-store.ts';
import type { Position } from '../../../ports/position.ts';
import type { Lock } from '../lock.ts';
import { checkTableName, filePath, lockDirectory, removeOrphans, scratchPath, writeError } from './directory.ts';
import { Engine } from './engine.ts';
import { mergeableRuns, outdatedFiles } from './file-choice.ts';
import { groupedByColumns, selectList } from './file-columns.ts';
import { fileSum } from './file-sum.ts';
import {
  FORMAT_VERSION,
  type Manifest,
  type ManifestFile,
  type ManifestTable,
  readNewest,
  removeOlderManifests,
  stageManifest,
  switchManifest,
  syncPaths,
} from './manifest.ts';
import { checkColumns, withChange, withColumns, withFiles, withoutExpired } from './next-manifest.ts';
import { PublishedFiles } from './published-files.ts';
import { putBack } from './put-back.ts';
import { nothingOf, readParquet } from './sql-text.ts';

export interface OfflineStoreOptions {
  /** The store's directory. */
  readonly path: string;
  readonly access: 'write' | 'read';
  /** Real time, epoch ms: how long retired files stay is measured by it. */
  readonly clock: Clock;
  /** What DuckDB may have in memory; a query that needs more puts it into the store's scratch directory. */
  readonly memoryLimitBytes?: number;
  readonly threads?: number;
  /** Told what was published to a table, bytes of its file. */
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
  #manifest: Manifest;
  #turn: Promise<void> = Promise.resolve();
  #queries = 0;
  /** Merges wait for each other, not changes for merges. */
  #merging: Promise<void> = Promise.resolve();
  /** Tables that wait to be merged. */
  readonly #due = new Set<string>();
  #merged = 0;
  #closed = false;

  constructor(options: Resolved, manifest: Manifest, engine: Engine, lock: Lock | null) {
    this.#options = options;
    this.#files = new PublishedFiles(options.path);
    this.#manifest = manifest;
    this.#engine = engine;
    this.#lock = lock;
  }

  async publish(change: OfflineChange): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      for (const append of change.tables) checkAppend(append);
      // Made once without files for its checks, so that nothing is written for a change that is refused.
      withChange(this.#manifest, change, change.tables.map(noFile), 0);
      const written: (ManifestFile | null)[] = [];
      await this.#writing(async (paths) => {
        for (const append of change.tables) written.push(await this.#writeAppend(append, paths));
        return withChange(this.#manifest, change, written, this.#options.clock());
      });
      change.tables.forEach(({ table }, i) => {
        this.#options.onPublished(table.name, written[i]?.bytes ?? 0);
        this.#compactIfDue(table.name);
      });
    });
  }

  position(writer: string): Position | null {
    return this.#manifest.positions[writer] ?? null;
  }

  tables(): readonly OfflineTableState[] {
    return this.#manifest.tables.map(({ name, columns, files }) => ({
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
    const stored = this.#manifest.tables.find(({ name }) => name === table.name);
    if (stored !== undefined) checkColumns(stored, table);
    const files = stored?.files.filter(isRead) ?? [];
    return stored === undefined || files.length === 0 ? `(${nothingOf(table)})` : `(${this.#select(stored, files)})`;
  }

  #damagedPaths(): ReadonlySet<string> {
    return new Set(this.damaged().map(({ file }) => file));
  }

  async evolve(table: OfflineTable): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      const evolved = withColumns(this.#manifest, table, this.#options.clock());
      if (evolved !== null) await this.#writing(async () => evolved);
    });
  }

  async *query(sql: string): AsyncGenerator<readonly (readonly OfflineValue[])[]> {
    this.#mustBeOpen();
    this.#queries += 1;
    try {
      await this.#files.checkNamed(sql, this.#manifest);
      yield* this.#engine.stream(sql);
    } catch (error) {
      throw this.#files.blamed(error, sql, this.#manifest);
    } finally {
      this.#queries -= 1;
    }
  }

  exportParquet(sql: string, path: string): Promise<number> {
    return this.#outside(path, async (partial) => {
      try {
        return await this.#copy(sql, partial, exportMeta);
      } catch (error) {
        throw this.#files.blamed(error, sql, this.#manifest);
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
    this.#queries += 1;
    try {
      const stored = this.#manifest.tables.filter(({ name }) => tables.some((table) => table.name === name));
      for (const { files } of stored) await this.#files.checkOnce(files);
      return await work(tables.map((table) => this.#filesOf(table)));
    } finally {
      this.#queries -= 1;
    }
  }

  #filesOf(table: OfflineTable): readonly TableFiles[] {
    const stored = this.#manifest.tables.find(({ name }) => name === table.name);
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
    this.#queries += 1;
    try {
      for (const file of this.#files.due(this.#manifest, most)) await this.#files.checkAgain(file);
      return this.damaged();
    } finally {
      this.#queries -= 1;
    }
  }

  damaged(): readonly DamagedFile[] {
    return this.#files.damaged(this.#manifest);
  }

  async repair(copy: string): Promise<number> {
    this.#mustBeOpen();
    let repaired = 0;
    await this.#inTurn(async () => {
      const damaged = this.#damagedPaths();
      for (const file of this.#manifest.tables.flatMap(({ files }) => files)) {
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
    await this.#inTurn(async () => {
      const stored = this.#known(table.name);
      checkColumns(stored, table);
      const damaged = this.#damagedPaths();
      const isDamaged = ({ path }: ManifestFile) => damaged.has(this.#files.pathOf(path));
      const place = stored.files.findIndex(isDamaged);
      if (place < 0) return;
      await this.#writing(async (paths) => {
        const file = await this.#writeFile(table.name, paths, (path, meta) =>
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
          this.#manifest,
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
    if (this.#lock === null) this.#manifest = readNewest(this.#options.path);
  }

  async compact(tableName: string): Promise<void> {
    this.#mustBeOpen();
    if (this.#lock === null) throw fail('OFFLINE_READER', { path: this.#options.path });
    await this.#turn;
    this.#known(tableName);
    return this.#mergeInTurn(tableName);
  }

  async retain(tableName: string, rule: OfflineRetention): Promise<void> {
    this.#mustBeOpen();
    return this.#inTurn(async () => {
      const { files } = this.#known(tableName);
      const newest = await this.#files.newest(this.#engine, this.#manifest, files, rule.timeColumn);
      const outdated = outdatedFiles(files, newest, rule);
      if (outdated.size === 0) return;
      // A damaged file may say that it is older than it is.
      await this.#files.checkOnce(files.filter(({ path }) => outdated.has(path)));
      const kept = files.filter(({ path }) => !outdated.has(path));
      await this.#writing(async () => withFiles(this.#manifest, tableName, kept, this.#options.clock()));
    });
  }

  async erase(tableName: string, where: string): Promise<number> {
    let erased = 0;
    await this.#inTurn(async () => {
      const table = this.#known(tableName);
      const hits = await this.#hits(table, where);
      if (hits.size === 0) return;
      await this.#writing(async (paths) => {
        const files: ManifestFile[] = [];
        for (const file of table.files) {
          const hit = hits.get(file) ?? 0;
          erased += hit;
          if (hit === 0) files.push(file);
          else if (hit < file.rows) files.push(await this.#writeWithout(table, file, where, paths));
        }
        return withFiles(this.#manifest, tableName, files, this.#options.clock());
      });
    });
    return erased;
  }

  purge(): Promise<void> {
    return this.#inTurn(async () => {
      while (this.#queries > 0) await setTimeout(PURGE_WAIT_MS);
      const { retired } = this.#manifest;
      if (retired.length === 0) return;
      await this.#writing(async () => ({ ...this.#manifest, sequence: this.#manifest.sequence + 1, retired: [] }));
      for (const { path } of retired) this.#remove(path);
    });
  }

  #remove(file: string): void {
    const path = this.#files.pathOf(file);
    rmSync(path, { force: true });
    this.#files.removed(path);
  }

  /** Rows of each file for which SQL is true, where there are any. */
  async #hits(table: ManifestTable, where: string): Promise<ReadonlyMap<ManifestFile, number>> {
    const hits = new Map<ManifestFile, number>();
    for (const file of table.files) {
      const sql = `SELECT COUNT(*) FROM (${this.#select(table, [file])}) WHERE ${where}`;
      await this.#files.checkOnce([file]);
      const [[count]] = await this.#engine.rows(sql).catch((error: unknown) => {
        throw this.#files.blamed(error, sql, this.#manifest);
      });
      if (Number(count) > 0) hits.set(file, Number(count));
    }
    return hits;
  }

  #writeWithout(table: ManifestTable, file: ManifestFile, where: string, paths: string[]): Promise<ManifestFile> {
    const sql = `SELECT * FROM (${this.#select(table, [file])}) WHERE (${where}) IS NOT TRUE`;
    return this.#writeFile(table.name, paths, (path, meta) => this.#copy(sql, path, meta));
  }

  /** Writes the rows of SQL over files whose bytes are as published: damage must not get a sum of its own. */
  async #copy(sql: string, path: string, meta: Readonly<Record<string, string>>): Promise<number> {
    await this.#files.checkNamed(sql, this.#manifest);
    return this.#engine.copy(sql, path, meta);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#merging;
    await this.#turn;
    this.#engine.close();
    this.#lock?.release();
  }

  /** Changes run one after the other. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#lock === null) throw fail('OFFLINE_READER', { path: this.#options.path });
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Publishes the manifest that work makes; the files that it wrote, whose paths it notes, go if it fails. */
  async #writing(work: (paths: string[]) => Promise<Manifest>): Promise<void> {
    const { path, clock, keepRetiredMs } = this.#options;
    const paths: string[] = [];
    let manifest: Manifest;
    let expired: readonly string[];
    try {
      const made = await work(paths);
      await syncPaths(new Set([...paths, ...paths.flatMap((file) => ancestors(file, path))]));
      // A query of this process may be reading what it found before.
      const retiredBefore = this.#queries > 0 ? Number.NEGATIVE_INFINITY : clock() - keepRetiredMs;
      [manifest, expired] = withoutExpired(made, retiredBefore);
      await stageManifest(path, manifest);
      switchManifest(path, manifest);
    } catch (error) {
      for (const file of paths) rmSync(file, { force: true });
      throw writeError(error, path);
    }
    // It is published: whatever happens from here on, its files stay.
    this.#manifest = manifest;
    try {
      await syncPaths([path]);
      removeOlderManifests(path, manifest);
      for (const file of expired) this.#remove(file);
    } catch (error) {
      throw writeError(error, path);
    }
  }

  async #writeAppend({ table, rows, columns }: TableAppend, paths: string[]): Promise<ManifestFile | null> {
    if (rows === 0) return null;
    return this.#writeFile(table.name, paths, (path, meta) =>
      this.#engine.write(table, [{ rows, columns }], path, meta),
    );
  }

  async #writeFile(
    table: string,
    paths: string[],
    write: (path: string, meta: Readonly<Record<string, string>>) => Promise<number>,
    file = filePath(table, this.#manifest.sequence + 1, `${paths.length}`),
  ): Promise<ManifestFile> {
    const path = this.#files.pathOf(file);
    mkdirSync(dirname(path), { recursive: true });
    paths.push(path);
    const rows = await write(path, { ...exportMeta, headrace_table: table });
    const sum = await fileSum(path);
    this.#files.written(path);
    return { path: file, rows, bytes: statSync(path).size, sum };
  }

  /** The rows of files under the table's columns, those of files with other columns as what they are there. */
  #select({ columns }: ManifestTable, files: readonly ManifestFile[]): string {
    return groupedByColumns(files)
      .map((group) => `SELECT ${selectList(columns, group[0].columns)} FROM ${readParquet(this.#files.named(group))}`)
      .join(' UNION ALL ');
  }

  /** The change is published: that a merge fails must not look as if it were not. `compact` and every read say why. */
  #compactIfDue(tableName: string): void {
    const { wholeFileBytes, compactAtFiles } = this.#options;
    if (this.#due.has(tableName) || this.#closed) return;
    if (mergeableRuns(this.#known(tableName).files, wholeFileBytes).flat().length < compactAtFiles) return;
    this.#due.add(tableName);
    this.#mergeInTurn(tableName)
      .catch(() => undefined)
      .finally(() => this.#due.delete(tableName));
  }

  #mergeInTurn(tableName: string): Promise<void> {
    const merge = this.#merging.then(() => this.#compact(tableName));
    this.#merging = merge.catch(() => undefined);
    return merge;
  }

  /** Merges the small files of a table. They are read and the new ones written beside the changes that go on meanwhile. */
  async #compact(tableName: string): Promise<void> {
    const table = this.#known(tableName);
    for (const run of mergeableRuns(table.files, this.#options.wholeFileBytes)) {
      const merged = await this.#merge(table, run);
      const path = this.#files.pathOf(merged.path);
      try {
        await this.#swapIn(table, run, merged);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
    }
  }

  /** Puts a merged file in the place of those that it was merged from, if they are all there still. */
  #swapIn({ name, columns }: ManifestTable, run: readonly ManifestFile[], merged: ManifestFile): Promise<void> {
    return this.#inTurn(async () => {
      const now = this.#known(name);
      const { files } = now;
      const first = files.findIndex(({ path }) => path === run[0].path);
      if (run.some(({ path }, i) => files[first + i]?.path !== path)) {
        rmSync(this.#files.pathOf(merged.path), { force: true });
        return;
      }
      const file = now.columns === columns ? merged : { ...merged, columns };
      const kept = [...files.slice(0, first), file, ...files.slice(first + run.length)];
      await this.#writing(async (paths) => {
        paths.push(this.#files.pathOf(merged.path));
        return withFiles(this.#manifest, name, kept, this.#options.clock());
      });
    });
  }

  async #merge(table: ManifestTable, run: readonly ManifestFile[]): Promise<ManifestFile> {
    const { name } = table;
    const sql = this.#select(table, run);
    const paths: string[] = [];
    this.#merged += 1;
    const place = filePath(name, this.#manifest.sequence, `m${this.#merged}`);
    // As a query does, it keeps the files that it reads.
    this.#queries += 1;
    try {
      const written = await this.#writeFile(name, paths, (path, meta) => this.#copy(sql, path, meta), place);
      const rows = run.reduce((sum, each) => sum + each.rows, 0);
      if (written.rows !== rows)
        throw fail('OFFLINE_CORRUPT', { file: run[0].path, reason: `a merge found ${written.rows} rows, not ${rows}` });
      return written;
    } catch (error) {
      for (const file of paths) rmSync(file, { force: true });
      throw writeError(this.#files.blamed(error, sql, this.#manifest), this.#options.path);
    } finally {
      this.#queries -= 1;
    }
  }

  async #outside(path: string, write: (partial: string) => Promise<number>): Promise<number> {
    this.#mustBeOpen();
    const partial = `${path}.tmp`;
    this.#queries += 1;
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
      this.#queries -= 1;
    }
  }

  #known(name: string): ManifestTable {
    const table = this.#manifest.tables.find((each) => each.name === name);
    if (table === undefined)
      throw fail('OFFLINE_TABLE', { table: name, known: this.#manifest.tables.map((each) => each.name) });
    return table;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw fail('OFFLINE_CLOSED', { path: this.#options.path });
  }
}

/** Key-value metadata of files outside the store. */
const exportMeta = { headrace_format: String(FORMAT_VERSION) };

/** The directories between a file and the store's own: each may have got a new name. */
function ancestors(file: string, store: string): readonly string[] {
  const directory = dirname(file);
  return directory === store ? [] : [directory, ...ancestors(directory, store)];
}

function noFile(): null {
  return null;
}

function checkAppend({ table, rows, columns }: TableAppend): void {
  checkTableName(table.name);
  checkRows(table, { rows, columns });
}

function checkRows({ name, columns }: OfflineTable, rows: RowBatch): void {
  Object.keys(columns).forEach((column, c) => {
    const found = c < rows.columns.length ? rows.columns[c].length : 0;
    if (found !== rows.rows) throw fail('OFFLINE_ROWS', { table: name, rows: rows.rows, found, column });
  });
}

async function* eachChecked(table: OfflineTable, batches: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch> {
  for await (const rows of batches) {
    checkRows(table, rows);
    yield rows;
  }
}
