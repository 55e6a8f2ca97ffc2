import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type QueryAppend, SQL_TYPES, type TableAppend } from '../../../ports/offline-store.ts';
import { filePath } from './directory.ts';
import { type Engine, rowGroupOf } from './engine.ts';
import { groupedByColumns, selectList } from './file-columns.ts';
import { fileSum } from './file-sum.ts';
import { FORMAT_VERSION, type ManifestFile, type ManifestTable } from './manifest.ts';
import type { PublishedFiles } from './published-files.ts';
import type { PublishedManifest } from './published-manifest.ts';
import { quoteName, readParquet } from './sql-text.ts';

/** Key-value metadata of files outside the store. */
export const exportMeta = { headrace_format: String(FORMAT_VERSION) };

/** The rows of tables on the disk: writes their files and selects from them. */
export class StoredRows {
  readonly #engine: Engine;
  readonly #manifest: PublishedManifest;
  readonly #files: PublishedFiles;

  constructor(engine: Engine, manifest: PublishedManifest, files: PublishedFiles) {
    this.#engine = engine;
    this.#manifest = manifest;
    this.#files = files;
  }

  /** Writes a file of a table, and notes its path before. */
  async write(
    table: string,
    paths: string[],
    write: (path: string, meta: Readonly<Record<string, string>>) => Promise<number>,
    file = filePath(table, this.#manifest.now.sequence + 1, `${paths.length}`),
  ): Promise<ManifestFile> {
    const path = this.#files.pathOf(file);
    mkdirSync(dirname(path), { recursive: true });
    paths.push(path);
    const rows = await write(path, { ...exportMeta, headrace_table: table });
    const sum = await fileSum(path);
    this.#files.written(path);
    return { path: file, rows, bytes: statSync(path).size, sum };
  }

  /** Writes columns as a file of a table; null: they have no row. */
  async writeAppend({ table, rows, columns }: TableAppend, paths: string[]): Promise<ManifestFile | null> {
    if (rows === 0) return null;
    return this.write(table.name, paths, (path, meta) => this.#engine.write(table, [{ rows, columns }], path, meta));
  }

  /** Writes the rows of SQL as a file of a table. Error: OFFLINE_QUERY. */
  writeQuery({ table, sql }: QueryAppend, paths: string[]): Promise<ManifestFile> {
    const columns = Object.entries(table.columns).map(
      ([name, type]) => `CAST(${quoteName(name)} AS ${SQL_TYPES[type]}) AS ${quoteName(name)}`,
    );
    const rows = `SELECT ${columns.join(', ')} FROM (${sql})`;
    return this.write(table.name, paths, (path, meta) => this.copy(rows, path, meta));
  }

  /** Writes the rows of SQL over files whose bytes are as published, so that damage never gets a valid sum. */
  async copy(
    sql: string,
    path: string,
    meta: Readonly<Record<string, string>>,
    files: readonly ManifestFile[] = [],
  ): Promise<number> {
    await this.#files.checkNamed(sql, this.#manifest.now);
    return this.#engine.copy(sql, path, meta, rowGroupOf(files));
  }

  /** The rows of files under the table's columns, those of files with other columns as what they are there. */
  select({ columns }: ManifestTable, files: readonly ManifestFile[]): string {
    return groupedByColumns(files)
      .map((group) => `SELECT ${selectList(columns, group[0].columns)} FROM ${readParquet(this.#files.named(group))}`)
      .join(' UNION ALL ');
  }

  /** Rows of each file for which SQL is true, where there are any. */
  async countWhere(table: ManifestTable, where: string): Promise<ReadonlyMap<ManifestFile, number>> {
    const hits = new Map<ManifestFile, number>();
    for (const file of table.files) {
      const sql = `SELECT COUNT(*) FROM (${this.select(table, [file])}) WHERE ${where}`;
      await this.#files.checkOnce([file]);
      const [[count]] = await this.#engine.rows(sql).catch((error: unknown) => {
        throw this.#files.blamed(error, sql, this.#manifest.now);
      });
      if (Number(count) > 0) hits.set(file, Number(count));
    }
    return hits;
  }

  /** Writes a file again without the rows for which SQL is true. */
  writeWithout(table: ManifestTable, file: ManifestFile, where: string, paths: string[]): Promise<ManifestFile> {
    const sql = `SELECT * FROM (${this.select(table, [file])}) WHERE (${where}) IS NOT TRUE`;
    return this.write(table.name, paths, (path, meta) => this.copy(sql, path, meta, [file]));
  }
}
