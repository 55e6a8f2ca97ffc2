import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { replaceFile } from '../../files/replace-file.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { countEventRows, type EventFiles, readEventFiles } from './event-files.ts';
import type { IngestReport } from './ingest-report.ts';

export interface IngestFilesOptions {
  readonly source: EventSourceData;
  readonly files: EventFiles;
  /** Reads the files. */
  readonly offline: Pick<OfflineStore, 'query'>;
  /** Takes events that come one after the other in the files. */
  readonly take: (events: readonly unknown[]) => Promise<TakenRows>;
  /** Where it is noted how far the files are read. */
  readonly directory: string;
  /** Called with the number of all rows before the first is taken. It costs a reading of the files: leave it out where nobody looks. */
  readonly onTotal?: (rows: number) => void;
  /** Called after every batch. */
  readonly onProgress: (so: FilesReport) => void;
  /** Aborted: what is taken is noted, and the rest is left for the next call. */
  readonly signal: AbortSignal;
}

/** The outcome of some rows. */
export interface TakenRows extends Pick<IngestReport, 'accepted' | 'duplicate' | 'late' | 'pending'> {
  readonly refused: number;
  /** The first refused rows: `index` counts from the first of these rows. */
  readonly errors: readonly { readonly index: number; readonly code: string; readonly message: string }[];
}

/** The report of an ingest call, as rows. */
export function takenRows({ refused, ...counts }: IngestReport): TakenRows {
  const errors = refused
    .slice(0, ERRORS_SHOWN)
    .map(({ index, error: { code, message } }) => ({ index, code, message }));
  return { ...counts, refused: refused.length, errors };
}

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

const ERRORS_SHOWN = 20;
const NOTHING: FilesReport = {
  ...{ rows: 0, accepted: 0, duplicate: 0, late: 0, pending: 0, refused: 0 },
  ...{ errors: [], resumed: 0, whole: false },
};

/**
 * Takes the events of files. A progress file next to the stores is written after every batch. A call that was cut off
 * resumes there, and at most one batch comes twice, as duplicates. Errors: INGEST_FILE, INGEST_COLUMN, those of the
 * log.
 */
export async function ingestFiles(options: IngestFilesOptions): Promise<FilesReport> {
  const { source, files, offline, take, onProgress, signal } = options;
  const place = placeOf(options);
  const before = readPlace(place);
  let report: FilesReport = { ...before, resumed: before.rows };
  options.onTotal?.(await countEventRows(offline, source, files));
  for await (const events of readEventFiles(offline, source, files, before.rows)) {
    if (signal.aborted) return report;
    report = added(report, await take(events), events.length);
    writePlace(place, report);
    onProgress(report);
  }
  rmSync(place, { force: true });
  return { ...report, whole: true };
}

function added(report: FilesReport, taken: TakenRows, rows: number): FilesReport {
  const errors = taken.errors.map(({ index, ...error }) => ({ row: report.rows + index + 1, ...error }));
  return {
    ...report,
    rows: report.rows + rows,
    accepted: report.accepted + taken.accepted,
    duplicate: report.duplicate + taken.duplicate,
    late: report.late + taken.late,
    pending: report.pending + taken.pending,
    refused: report.refused + taken.refused,
    errors: [...report.errors, ...errors].slice(0, ERRORS_SHOWN),
  };
}

/** Files that have changed since, or are read otherwise, are read from their beginning. */
function placeOf({ source, files, directory }: IngestFilesOptions): string {
  const found = files.paths.map((path) => {
    if (!existsSync(path)) throw fail('INGEST_FILE', { path, reason: 'there is no such file' });
    const { size, mtimeMs } = statSync(path);
    return [resolve(path), size, mtimeMs];
  });
  const { format, columns, byTime } = files;
  const text = JSON.stringify([source.name, source.version, found, format, Object.entries(columns).sort(), byTime]);
  const folder = join(directory, 'ingest');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 32)}.json`);
}

const FORMAT = 1;

function readPlace(path: string): FilesReport {
  if (!existsSync(path)) return NOTHING;
  try {
    const { format, ...report } = JSON.parse(readFileSync(path, 'utf8')) as FilesReport & { readonly format: unknown };
    return format === FORMAT ? report : NOTHING;
  } catch (error) {
    // Cut short by a loss of power: the files are read from their beginning, and known events count as duplicates.
    if (error instanceof SyntaxError) return NOTHING;
    throw error;
  }
}

function writePlace(path: string, report: FilesReport): void {
  replaceFile(path, JSON.stringify({ format: FORMAT, ...report }));
}
