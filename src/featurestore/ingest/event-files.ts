import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { scaledToText } from '../../schema/decimal.ts';
import { parquetRelation } from '../parquet-relation.ts';
import {
  openSpineFile,
  quoted,
  type SpineColumn,
  type SpineFile,
  type SpineFormat,
} from '../training-set/spine-file.ts';
import { spineValueSql } from '../training-set/spine-value.ts';

/** Files of a source's events, and how they are read. */
export interface EventFiles {
  readonly paths: readonly string[];
  /** Where the names do not say it. */
  readonly format: SpineFormat | null;
  /** Columns of the files by column of the source; those left out have its name. */
  readonly columns: Readonly<Record<string, string>>;
  /** Whether events come in the order of their times, not in that of the files. */
  readonly byTime: boolean;
  /** A Parquet file of ids: only their events come, and those without an id. */
  readonly only?: string;
}

type Event = Readonly<Record<string, unknown>>;

/** Events of files, some at a time, without the first `skip`; what is no value of its column comes as the text that was found. Errors: INGEST_FILE, INGEST_COLUMN. */
export async function* readEventFiles(
  offline: Pick<OfflineStore, 'query'>,
  source: EventSourceData,
  files: EventFiles,
  skip: number,
): AsyncGenerator<readonly Event[]> {
  const names = Object.keys(source.columns);
  const events = await eventsSql(offline, source, files);
  const id = `v_${names.indexOf(source.id)}`;
  const only =
    files.only === undefined ? '' : `\nWHERE ${id} IS NULL OR ${id} IN (FROM ${parquetRelation([files.only])})`;
  const order = files.byTime ? `\nORDER BY v_${names.indexOf(source.time)}, v_${names.indexOf(source.id)}` : '';
  try {
    for await (const rows of offline.query(`SELECT * FROM (${events}) AS e${only}${order}\nOFFSET ${skip}`))
      yield rows.map((row) => eventOf(source, row));
  } catch (error) {
    throw fileError(files.paths.join(', '), error);
  }
}

/** The rows of files. Errors: INGEST_FILE, INGEST_COLUMN. */
export async function countEventRows(
  offline: Pick<OfflineStore, 'query'>,
  source: EventSourceData,
  files: EventFiles,
): Promise<number> {
  const events = await eventsSql(offline, source, files);
  try {
    for await (const [[rows]] of offline.query(`SELECT count(*) FROM (${events}) AS e`)) return Number(rows);
  } catch (error) {
    throw fileError(files.paths.join(', '), error);
  }
  return 0;
}

/** SQL of the events of files: of each column its value `v_<place>` and, where the cell is none of its type, the cell's text `r_<place>`. */
export async function eventsSql(
  offline: Pick<OfflineStore, 'query'>,
  source: EventSourceData,
  files: EventFiles,
): Promise<string> {
  checkMapped(source, files);
  const selects: string[] = [];
  for (const path of files.paths) selects.push(selectSql(source, await openFile(offline, source, path, files), files));
  return selects.map((select) => `SELECT * FROM (${select})`).join('\nUNION ALL\n');
}

function checkMapped(source: EventSourceData, { columns }: EventFiles): void {
  for (const column of Object.keys(columns))
    if (!Object.hasOwn(source.columns, column))
      throw fail('INGEST_COLUMN', {
        path: `--columns of ${source.name}`,
        column,
        found: Object.keys(source.columns),
      });
}

async function openFile(
  offline: Pick<OfflineStore, 'query'>,
  source: EventSourceData,
  path: string,
  { format, columns }: EventFiles,
): Promise<SpineFile> {
  const read = new Set(Object.keys(source.columns).map((column) => columns[column] ?? column));
  try {
    return await openSpineFile(offline, path, format, read);
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Of each column its value `v_<place>` and, where the cell is none of its type, the cell's text `r_<place>`. */
function selectSql(source: EventSourceData, file: SpineFile, { columns }: EventFiles): string {
  const known = new Map(file.columns.map((column) => [column.name, column]));
  const selected = Object.entries(source.columns).flatMap(([name, spec], place) => {
    const column = known.get(columns[name] ?? name);
    if (column === undefined && !spec.nullable)
      throw fail('INGEST_COLUMN', { path: file.path, column: columns[name] ?? name, found: [...known.keys()] });
    const { value, raw } = column === undefined ? NOTHING : cellSql(column, spec);
    return [`${value} AS v_${place}`, `${raw} AS r_${place}`];
  });
  return `SELECT ${selected.join(', ')} FROM ${file.relation}`;
}

const NOTHING = { value: 'NULL', raw: 'NULL' };

function cellSql({ name, type }: SpineColumn, spec: ColumnSpec): { readonly value: string; readonly raw: string } {
  const cell = quoted(name);
  const text = type === 'JSON' ? `(${cell}->>'$')` : `CAST(${cell} AS VARCHAR)`;
  // A file without types has texts for all: whatever is in the cell is one. Nothing in it is nothing.
  const value = spineValueSql(cell, type, spec) ?? 'NULL';
  return { value, raw: `CASE WHEN ${value} IS NULL THEN ${text} END` };
}

/** The event as it would be sent. */
function eventOf({ columns }: EventSourceData, row: readonly OfflineValue[]): Event {
  const event: Record<string, unknown> = {};
  Object.entries(columns).forEach(([name, spec], place) => {
    const [value, raw] = [row[2 * place], row[2 * place + 1]];
    if (value !== null && value !== undefined) event[name] = sentValue(value, spec);
    else if (raw !== null && raw !== undefined) event[name] = raw;
  });
  return event;
}

/** Whole numbers come as bigints, and decimals as whole numbers of their last digit. */
function sentValue(value: OfflineValue, { type, element, scale = 0 }: ColumnSpec): unknown {
  if (Array.isArray(value))
    return value.map((one: unknown) => (typeof one === 'bigint' && element !== 'int64' ? Number(one) : one));
  if (typeof value !== 'bigint' && typeof value !== 'number') return value;
  if (type === 'decimal') return scaledToText(BigInt(value), scale);
  return type === 'int64' ? BigInt(value) : Number(value);
}

export function fileError(path: string, error: unknown): unknown {
  if (isHeadraceError(error, 'SPINE_FORMAT'))
    return fail('INGEST_FILE', { path, reason: 'its name does not say its format' }, error);
  if (isHeadraceError(error, 'SPINE_FILE') || isHeadraceError(error, 'OFFLINE_QUERY'))
    return fail('INGEST_FILE', { path, reason: String(error.facts['reason']) }, error);
  return error;
}
