import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../../base/errors/environment-fault.ts';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import type { DamagedFile } from '../../../ports/offline-store.ts';
import { faultOf } from './directory.ts';
import type { Engine } from './engine.ts';
import { fileSum } from './file-sum.ts';
import { type Manifest, type ManifestFile, readNewest } from './manifest.ts';
import { pathList, quoteText, textsOf } from './sql-text.ts';

/** The published files on disk: whether their bytes are as published, and how old their rows are. */
export class PublishedFiles {
  readonly #directory: string;
  /** Files that SQL was made of, by absolute path; they may have left the manifest since. */
  readonly #named = new Map<string, ManifestFile>();
  /** The check of each file's bytes, by absolute path: once in the life of the process. */
  readonly #checks = new Map<string, Promise<void>>();
  /** Known damage, by absolute path. */
  readonly #damaged = new Map<string, string>();
  /** When each file was last compared, as a number that grows. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  #indexed: { readonly manifest: Manifest; readonly files: ReadonlyMap<string, ManifestFile> } | null = null;
  /** Latest time of a file, by path and time column. */
  readonly #newest = new Map<string, number | null>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(file: string): string {
    return join(this.#directory, file);
  }

  /**
   * Absolute paths of files, for SQL: they exist and have their size. The caller checks their bytes before it runs the
   * SQL. Errors: OFFLINE_CORRUPT, OFFLINE_GONE.
   */
  named(files: readonly ManifestFile[]): readonly string[] {
    return files.map((file) => {
      const path = this.pathOf(file.path);
      if (this.#named.has(path)) return path;
      const fault = faultOf(path, file);
      if (fault !== null) throw this.#fault(path, fault);
      this.#named.set(path, file);
      return path;
    });
  }

  /** Checks the bytes of the files that SQL names, each once. Errors: OFFLINE_CORRUPT, OFFLINE_GONE. */
  async checkNamed(sql: string, manifest: Manifest): Promise<void> {
    const files = this.#filesOf(manifest);
    for (const text of textsOf(sql)) {
      const path = text.replaceAll(/\[([*?[])\]/g, '$1');
      const file = files.get(path) ?? this.#named.get(path);
      if (file !== undefined) await this.#checkOnce(path, file);
    }
  }

  /** Checks the bytes of files, each once. Errors: OFFLINE_CORRUPT, OFFLINE_GONE. */
  async checkOnce(files: readonly ManifestFile[]): Promise<void> {
    for (const file of files) await this.#checkOnce(this.pathOf(file.path), file);
  }

  /** Checks the bytes of a file again; the reason why it is damaged, null where it is sound. Error: OFFLINE_UNREADABLE. */
  async checkAgain(file: ManifestFile): Promise<string | null> {
    const path = this.pathOf(file.path);
    this.#checks.delete(path);
    this.#turn += 1;
    this.#turns.set(path, this.#turn);
    await this.#checkOnce(path, file).catch((error: unknown) => {
      if (isHeadraceError(error, 'OFFLINE_UNREADABLE')) throw error;
    });
    return this.#damaged.get(path) ?? null;
  }

  /** The files of a manifest that were compared longest ago, or never. */
  due(manifest: Manifest, most: number): readonly ManifestFile[] {
    const turnOf = ({ path }: ManifestFile): number => this.#turns.get(this.pathOf(path)) ?? 0;
    const files = manifest.tables.flatMap((table) => table.files);
    return files.sort((a, b) => turnOf(a) - turnOf(b)).slice(0, most);
  }

  /** The files of a manifest that were found damaged. */
  damaged(manifest: Manifest): readonly DamagedFile[] {
    if (this.#damaged.size === 0) return [];
    return manifest.tables.flatMap(({ name, files }) =>
      files.flatMap(({ path, rows }) => {
        const file = this.pathOf(path);
        const reason = this.#damaged.get(file);
        return reason === undefined ? [] : [{ table: name, file, reason, rows }];
      }),
    );
  }

  /** Forgets a file that was removed. */
  removed(path: string): void {
    for (const known of [this.#named, this.#checks, this.#damaged, this.#turns]) known.delete(path);
  }

  /** Notes that a file is as this process has just written it. */
  written(path: string): void {
    this.#damaged.delete(path);
    this.#checks.set(path, Promise.resolve());
  }

  #checkOnce(path: string, file: ManifestFile): Promise<void> {
    const known = this.#checks.get(path);
    if (known !== undefined) return known;
    const check = this.#check(path, file);
    this.#checks.set(path, check);
    // A file that could not be read for another reason, or is gone, is not known to be damaged.
    check.catch(() => {
      if (!this.#damaged.has(path)) this.#checks.delete(path);
    });
    return check;
  }

  async #check(path: string, file: ManifestFile): Promise<void> {
    const fault = faultOf(path, file) ?? (await sumFault(path, file));
    if (fault === null) {
      this.#damaged.delete(path);
      return;
    }
    const error = this.#fault(path, fault);
    if (isHeadraceError(error, 'OFFLINE_CORRUPT')) this.#damaged.set(path, String(error.facts['reason']));
    throw error;
  }

  #filesOf(manifest: Manifest): ReadonlyMap<string, ManifestFile> {
    if (this.#indexed?.manifest !== manifest) {
      const files = manifest.tables
        .flatMap((table) => table.files)
        .map((file) => [this.pathOf(file.path), file] as const);
      this.#indexed = { manifest, files: new Map(files) };
    }
    return this.#indexed.files;
  }

  /** The error of a failed query, or that of the damaged file that caused it. */
  blamed(error: unknown, sql: string, manifest: Manifest): unknown {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) return error;
    const reason = String(error.facts['reason']);
    const files = this.#filesOf(manifest);
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
FROM parquet_metadata(${pathList(this.named(files))}) WHERE path_in_schema = ${quoteText(column)} GROUP BY file_name`;
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

/** The fault in the bytes of a file; null where there is none, or where the format that wrote it kept no sum. */
async function sumFault(path: string, { sum }: ManifestFile): Promise<string | null> {
  if (sum === undefined) return null;
  try {
    const found = await fileSum(path);
    return found === sum ? null : `its bytes have the sum ${found}, not ${sum}`;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'missing';
    if (code === 'EIO') return 'the disk cannot read it';
    throw fail('OFFLINE_UNREADABLE', { file: path, reason: reasonOf(error) }, error);
  }
}
