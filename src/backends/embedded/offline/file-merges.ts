import { rmSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';
import { turnsInOrder } from '../../../base/in-turn.ts';
import type { Clock } from '../../../base/time.ts';
import { filePath, writeError } from './directory.ts';
import { mergeableRuns } from './file-choice.ts';
import type { ManifestFile, ManifestTable } from './manifest.ts';
import { withFiles } from './next-manifest.ts';
import type { PublishedFiles } from './published-files.ts';
import type { PublishedManifest } from './published-manifest.ts';
import type { StoredRows } from './stored-rows.ts';

export interface FileMergesOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly wholeFileBytes: number;
  readonly compactAtFiles: number;
}

/** Merges small files of tables, one table after the other, while changes continue. */
export class FileMerges {
  readonly #options: FileMergesOptions;
  readonly #manifest: PublishedManifest;
  readonly #files: PublishedFiles;
  readonly #rows: StoredRows;
  /** Merges wait for each other, not changes for merges. */
  readonly #inTurn = turnsInOrder();
  /** Tables that wait to be merged. */
  readonly #due = new Set<string>();
  #merged = 0;

  constructor(options: FileMergesOptions, manifest: PublishedManifest, files: PublishedFiles, rows: StoredRows) {
    this.#options = options;
    this.#manifest = manifest;
    this.#files = files;
    this.#rows = rows;
  }

  /** The change is published: that a merge fails must not look as if it were not. `compact` and every read say why. */
  startIfDue(tableName: string): void {
    const { wholeFileBytes, compactAtFiles } = this.#options;
    if (this.#due.has(tableName)) return;
    if (mergeableRuns(this.#manifest.table(tableName).files, wholeFileBytes).flat().length < compactAtFiles) return;
    this.#due.add(tableName);
    this.merge(tableName)
      .catch(() => undefined)
      .finally(() => this.#due.delete(tableName));
  }

  /** Merges the small files of a table, after the merges that were asked for before. */
  merge(tableName: string): Promise<void> {
    return this.#inTurn(() => this.#compact(tableName));
  }

  /** Ends after the merges that have been asked for by now. */
  settled(): Promise<void> {
    return this.#inTurn(async () => undefined);
  }

  /** Files are read and written while changes continue. */
  async #compact(tableName: string): Promise<void> {
    const table = this.#manifest.table(tableName);
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
    return this.#manifest.inTurn(async () => {
      const now = this.#manifest.table(name);
      const { files } = now;
      const first = files.findIndex(({ path }) => path === run[0].path);
      if (run.some(({ path }, i) => files[first + i]?.path !== path)) {
        rmSync(this.#files.pathOf(merged.path), { force: true });
        return;
      }
      const file = now.columns === columns ? merged : { ...merged, columns };
      const kept = [...files.slice(0, first), file, ...files.slice(first + run.length)];
      await this.#manifest.publish(async (paths) => {
        paths.push(this.#files.pathOf(merged.path));
        return withFiles(this.#manifest.now, name, kept, this.#options.clock());
      });
    });
  }

  async #merge(table: ManifestTable, run: readonly ManifestFile[]): Promise<ManifestFile> {
    const { name } = table;
    const sql = this.#rows.select(table, run);
    const paths: string[] = [];
    this.#merged += 1;
    const place = filePath(name, this.#manifest.now.sequence, `m${this.#merged}`);
    // As a query does, it keeps the files that it reads.
    this.#manifest.queries += 1;
    try {
      const written = await this.#rows.write(name, paths, (path, meta) => this.#rows.copy(sql, path, meta, run), place);
      const rows = run.reduce((sum, each) => sum + each.rows, 0);
      if (written.rows !== rows)
        throw fail('OFFLINE_CORRUPT', { file: run[0].path, reason: `a merge found ${written.rows} rows, not ${rows}` });
      return written;
    } catch (error) {
      for (const file of paths) rmSync(file, { force: true });
      throw writeError(this.#files.blamed(error, sql, this.#manifest.now), this.#options.path);
    } finally {
      this.#manifest.queries -= 1;
    }
  }
}
