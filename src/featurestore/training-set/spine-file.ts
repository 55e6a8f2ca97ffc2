import { existsSync } from 'node:fs';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { openRowFile, type RowColumn, type RowFile, type RowFormat } from '../../files/row-file.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';

/** The formats that a spine is read from. CSV and TSV have a header. */
export type SpineFormat = RowFormat;

/** A column of a spine in its file. */
export type SpineColumn = RowColumn;

/** A spine as a relation of SQL. */
export type SpineFile = RowFile;

const ENDINGS: readonly (readonly [RegExp, SpineFormat])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz|\.zst)?$/i, 'csv'],
  [/\.tsv(\.gz|\.zst)?$/i, 'tsv'],
  [/\.(jsonl|ndjson)(\.gz|\.zst)?$/i, 'jsonl'],
];

/**
 * Opens a spine; `read` are the columns that are read as declared values: in JSON lines from their own text, so that no
 * digit is lost on the way. Errors: SPINE_FORMAT, SPINE_FILE, FILE_*.
 */
export async function openSpineFile(
  offline: Pick<OfflineStore, 'query'>,
  path: string,
  format: SpineFormat | null,
  read: ReadonlySet<string>,
): Promise<SpineFile> {
  if (!existsSync(path)) throw fail('SPINE_FILE', { path, reason: 'there is no such file' });
  const known = format ?? ENDINGS.find(([ending]) => ending.test(path))?.[1];
  if (known === undefined) throw fail('SPINE_FORMAT', { path });
  const query = (sql: string) => readingSpine(path, () => allRows(offline, sql));
  try {
    return await openRowFile(query, path, known, read, MOST_COLUMNS);
  } catch (error) {
    throw isHeadraceError(error) ? error : fail('SPINE_FILE', { path, reason: reasonOf(error) }, error);
  }
}

/** Most columns of a spine in text: a reader prepares each of them, also those without a value. */
const MOST_COLUMNS = 1_024;

/** Runs SQL over a spine: what is wrong is wrong with the file. Error: SPINE_FILE. */
export async function readingSpine<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHeadraceError(error, 'OFFLINE_QUERY')) throw error;
    throw fail('SPINE_FILE', { path, reason: String(error.facts['reason']) }, error);
  }
}

/** A name in quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function allRows(offline: Pick<OfflineStore, 'query'>, sql: string): Promise<readonly (readonly unknown[])[]> {
  const found: (readonly unknown[])[] = [];
  for await (const rows of offline.query(sql)) found.push(...rows);
  return found;
}
