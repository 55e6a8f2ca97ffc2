import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { replaceFile } from '../../files/replace-file.ts';
import type { EventFiles } from './event-files.ts';

/** The outcome of the rows of some files, earlier calls included. */
export interface FilesReport {
  readonly rows: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly pending: number;
  readonly refused: number;
  /** The first rows that were refused, counted from 1. */
  readonly errors: readonly { readonly row: number; readonly code: string; readonly message: string }[];
  /** Rows that an earlier call had taken. */
  readonly resumed: number;
  /** Whether all rows are taken. */
  readonly whole: boolean;
}

/** Rows of the files that go, or went, into the history past the log: all but those of some ids. */
export interface LoadedPast {
  readonly rows: number;
  /** Their offsets are before this one, where the first partition of the log begins. */
  readonly end: number;
}

/** How far some files are taken. */
export interface TakenSoFar {
  readonly report: FilesReport;
  /** null: all rows go through the log. */
  readonly past: LoadedPast | null;
}

export const NOTHING_TAKEN: FilesReport = {
  ...{ rows: 0, accepted: 0, duplicate: 0, late: 0, pending: 0, refused: 0 },
  ...{ errors: [], resumed: 0, whole: false },
};

const FORMAT = 1;

/** The file that notes how far the files of a call are taken. */
export class IngestPlace {
  /** The ids whose rows do not go into the history past the log, as a Parquet file of one column. */
  readonly restIds: string;
  readonly #path: string;

  /** Files that have changed since, or are read otherwise, are read from their beginning. Error: INGEST_FILE. */
  constructor({
    source,
    files,
    directory,
  }: {
    readonly source: EventSourceData;
    readonly files: EventFiles;
    readonly directory: string;
  }) {
    const found = files.paths.map((path) => {
      if (!existsSync(path)) throw fail('INGEST_FILE', { path, reason: 'there is no such file' });
      const { size, mtimeMs } = statSync(path);
      return [resolve(path), size, mtimeMs];
    });
    const { format, columns, byTime } = files;
    const text = JSON.stringify([source.name, source.version, found, format, Object.entries(columns).sort(), byTime]);
    const folder = join(directory, 'ingest');
    mkdirSync(folder, { recursive: true });
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    this.#path = join(folder, `${name}.json`);
    this.restIds = join(folder, `${name}.ids.parquet`);
  }

  read(): TakenSoFar {
    const nothing = { report: NOTHING_TAKEN, past: null };
    if (!existsSync(this.#path)) return nothing;
    try {
      const {
        format,
        past = null,
        ...report
      } = JSON.parse(readFileSync(this.#path, 'utf8')) as FilesReport & {
        readonly format: unknown;
        readonly past?: LoadedPast | null;
      };
      return format === FORMAT ? { report, past } : nothing;
    } catch (error) {
      // Cut short by a loss of power: the files are read from their beginning, and known events count as duplicates.
      if (error instanceof SyntaxError) return nothing;
      throw error;
    }
  }

  write(report: FilesReport, past: LoadedPast | null): void {
    replaceFile(this.#path, JSON.stringify({ format: FORMAT, ...report, ...(past === null ? {} : { past }) }));
  }

  remove(): void {
    rmSync(this.#path, { force: true });
    rmSync(this.restIds, { force: true });
  }
}
