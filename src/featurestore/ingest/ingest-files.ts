import type { EventSourceData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { countEventRows, type EventFiles, readEventFiles } from './event-files.ts';
import { type FilesReport, IngestPlace } from './ingest-place.ts';
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
  /** Rows that this call has put into the history before. */
  readonly loaded?: number;
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

const ERRORS_SHOWN = 20;

/**
 * Takes the events of files. A progress file next to the stores is written after every batch. A call that was cut off
 * resumes there, and at most one batch comes twice, as duplicates. Errors: INGEST_FILE, INGEST_COLUMN, those of the
 * log.
 */
export async function ingestFiles(options: IngestFilesOptions): Promise<FilesReport> {
  const { source, files, offline, take, onProgress, signal } = options;
  const place = new IngestPlace(options);
  const { report: before, past } = place.read();
  let report: FilesReport = { ...before, resumed: before.rows - (options.loaded ?? 0) };
  options.onTotal?.(await countEventRows(offline, source, files));
  // The others are in the history already.
  const rest = past === null ? files : { ...files, only: place.restIds };
  for await (const events of readEventFiles(offline, source, rest, before.rows - (past?.rows ?? 0))) {
    if (signal.aborted) return report;
    report = added(report, await take(events), events.length);
    place.write(report, past);
    onProgress(report);
  }
  place.remove();
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
