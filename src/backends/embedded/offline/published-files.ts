import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { faultOf } from './directory.ts';
import type { Engine } from './engine.ts';
import { type Manifest, type ManifestFile, readNewest } from './manifest.ts';
import { pathList, quoteText, textsOf } from './sql-text.ts';

/** The published files as they lie on the disk: whether they are what was published, and how old their rows are. */
export class PublishedFiles {
  readonly #directory: string;
  /** Paths of files that were found to be as published. */
  readonly #sound = new Set<string>();
  /** Latest time of a file, by path and time column. */
  readonly #newest = new Map<string, number | null>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(file: string): string {
    return join(this.#directory, file);
  }

  /** Absolute paths of files that are as they were published. Errors: OFFLINE_CORRUPT, OFFLINE_GONE. */
  sound(files: readonly ManifestFile[]): readonly string[] {
    return files.map((file) => {
      const path = this.pathOf(file.path);
      if (this.#sound.has(path)) return path;
      const fault = faultOf(path, file);
      if (fault !== null) throw this.#fault(path, fault);
      this.#sound.add(path);
      return path;
    });
  }

  /** The error of a query that failed: of the file behind it, if there is one. */
  blamed(error: unknown, sql: string, manifest: Manifest): unknown {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) return error;
    const reason = String(error.facts['reason']);
    const files = new Map(
      manifest.tables.flatMap((table) => table.files).map((file) => [this.pathOf(file.path), file]),
    );
    for (const pattern of textsOf(sql)) {
      const path = pattern.replaceAll(/\[([*?[])\]/g, '$1');
      if (!path.startsWith(this.#directory)) continue;
      const file = files.get(path);
      const fault = file === undefined ? (existsSync(path) ? null : 'missing') : faultOf(path, file);
      if (fault !== null) return this.#fault(path, fault, error);
      if (reason.includes(path) || reason.includes(pattern)) return this.#fault(path, reason, error);
    }
    return error;
  }

  /** The latest value of a column in each file that has one, from the files' own statistics. */
  async newest(
    engine: Engine,
    manifest: Manifest,
    files: readonly ManifestFile[],
    column: string,
  ): Promise<ReadonlyMap<string, number>> {
    const unknown = files.filter(({ path }) => !this.#newest.has(`${path} ${column}`));
    if (unknown.length > 0) await this.#readNewest(engine, manifest, unknown, column);
    return new Map(
      files.flatMap(({ path }) => {
        const newest = this.#newest.get(`${path} ${column}`) ?? null;
        return newest === null ? [] : [[path, newest]];
      }),
    );
  }

  async #readNewest(engine: Engine, manifest: Manifest, files: readonly ManifestFile[], column: string): Promise<void> {
    const sql = `SELECT file_name, MAX(CAST(stats_max_value AS BIGINT))
FROM parquet_metadata(${pathList(this.sound(files))}) WHERE path_in_schema = ${quoteText(column)} GROUP BY file_name`;
    const rows = await engine.rows(sql).catch((error: unknown) => {
      throw this.blamed(error, sql, manifest);
    });
    const found = new Map(rows.map(([file, newest]) => [file, newest]));
    for (const { path } of files) {
      const newest = found.get(this.pathOf(path)) ?? null;
      this.#newest.set(`${path} ${column}`, newest === null ? null : Number(newest));
    }
  }

  #fault(path: string, fault: string, cause?: unknown): Error {
    if (fault !== 'missing') return fail('OFFLINE_CORRUPT', { file: path, reason: fault }, cause);
    const newest = readNewest(this.#directory).tables.flatMap(({ files }) => files);
    return newest.some((file) => this.pathOf(file.path) === path)
      ? fail('OFFLINE_CORRUPT', { file: path, reason: 'it is missing' }, cause)
      : fail('OFFLINE_GONE', { file: path }, cause);
  }
}
