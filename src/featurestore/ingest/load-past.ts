import { rmSync } from 'node:fs';
import type { EventSourceData } from '../../features/define/declaration.ts';
import { INGEST_TS, OFFSET, PARTITION, rawTable, VERDICT } from '../../features/plan/raw-table.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineValue, QueryAppend } from '../../ports/offline-store.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { EARLIEST_MS, wrongUnitSql } from '../../schema/instant.ts';
import { EVENT_ID_PATTERN } from '../../schema/row-parser.ts';
import { RAW_READER } from '../materialise/archive.ts';
import { parquetRelation } from '../parquet-relation.ts';
import { quoted } from '../training-set/spine-file.ts';
import { type EventFiles, eventsSql, fileError } from './event-files.ts';
import { topicOf } from './gateway.ts';
import { IngestPlace, type LoadedPast, NOTHING_TAKEN } from './ingest-place.ts';

/** Fewer rows go through the log: it then has all events. */
const FEWEST_ROWS = 100_000;

/** Rows of a file of the history. */
const ROWS_A_FILE = 2_000_000;

/** Column types whose values are known to be sound by their SQL. */
const SOUND = { text: true, int: true, int64: true, decimal: true, float: true, bool: true, time: true } as const;

export interface LoadPastOptions {
  readonly source: EventSourceData;
  readonly files: EventFiles;
  readonly log: EventLog;
  readonly offline: OfflineStore;
  readonly directory: string;
  /** Epoch ms. */
  readonly now: number;
  readonly fewestRows?: number;
  readonly rowsAFile?: number;
}

/**
 * Puts the events of files into the history of a source that has none, past the log, which then begins after them, as if it had been
 * bootstrapped with them and had dropped them since. So their tiles come from the history when the project is opened next. Only ids go so whose
 * events are surely accepted: sound, once in the files, and older than the ids that the log remembers. The rest of the files is for the log.
 * A call that was cut off is repeated, or is known to be done. Returns the number of rows of this call; null: all events go through the log.
 * Errors: INGEST_FILE, INGEST_COLUMN, those of the stores.
 */
export async function loadPast(options: LoadPastOptions): Promise<number | null> {
  const { source, files, offline } = options;
  const place = new IngestPlace(options);
  const { report, past } = place.read();
  if (past !== null) {
    if (await isPublished(options, past)) return 0;
    // Cut off before its rows were in the history: all of them are still to be taken, by whichever way.
    place.remove();
  } else if (report.rows > 0) return null;
  if (hasHistory(options) || !(await isOpenForPast(options))) return null;
  try {
    return await load(options, place, await eventsSql(offline, source, files));
  } catch (error) {
    throw fileError(files.paths.join(', '), error);
  }
}

function hasHistory({ source, offline }: LoadPastOptions): boolean {
  return offline.tables().some(({ table, rows }) => table.name === rawTable(source).name && rows > 0);
}

/** Whether the history has the rows of a load. Events that came through the log since have later offsets. */
async function isPublished(options: LoadPastOptions, { end }: LoadedPast): Promise<boolean> {
  if (!hasHistory(options)) return false;
  const { source, offline } = options;
  const before = `${PARTITION} = 0 AND ${OFFSET} < ${end}`;
  return (
    (await rowsOf(offline, `SELECT 1 FROM ${offline.relation(rawTable(source))} WHERE ${before} LIMIT 1`)).length > 0
  );
}

/** Whether the log can begin after events that it never had, and the history can tell which are sound. */
async function isOpenForPast({ source, log }: LoadPastOptions): Promise<boolean> {
  if (log.beginAt === undefined || source.changes !== undefined || source.scores !== undefined) return false;
  if (!Object.values(source.columns).every(({ type }) => Object.hasOwn(SOUND, type))) return false;
  const ends = await log.ends(topicOf(source));
  return ends.every(({ begin, end }) => begin === end);
}

async function load(options: LoadPastOptions, place: IngestPlace, events: string): Promise<number | null> {
  const { source, offline, now, fewestRows = FEWEST_ROWS } = options;
  const { id, at } = placesOf(source);
  const [[rows, newest]] = await rowsOf(
    offline,
    `SELECT count(*), CAST(max(${at}) FILTER (WHERE ${at} <= ${now}) AS DOUBLE) FROM (${events})`,
  );
  if (Number(rows) < fewestRows || newest === null) return null;
  const before = Number(newest) - source.latenessMs - source.futureSkewMs;
  const sound = soundSql(source, before, now);
  rmSync(place.restIds, { force: true });
  await offline.exportParquet(
    `SELECT ${id} AS id FROM (${events}) WHERE ${id} IS NOT NULL GROUP BY ${id}
HAVING count(*) > 1 OR NOT bool_and(COALESCE(${sound}, false))`,
    place.restIds,
  );
  const past = `SELECT * FROM (${events}) WHERE ${id} IS NOT NULL AND ${id} NOT IN (FROM ${parquetRelation([place.restIds])})`;
  return publish(options, place, past);
}

/** The events that go into the history, in files that follow each other in time. */
async function publish(options: LoadPastOptions, place: IngestPlace, past: string): Promise<number | null> {
  const { source, log, offline } = options;
  const topic = topicOf(source);
  const ends = await log.ends(topic);
  const slices = await slicesOf(options, past);
  const rows = slices.reduce((sum, slice) => sum + slice.rows, 0);
  if (rows === 0) return null;
  const begins = ends.map(({ begin }, partition) => (partition === 0 ? begin + rows : begin));
  place.write({ ...NOTHING_TAKEN, rows, accepted: rows }, { rows, end: begins[0] });
  // The log first: offsets that nobody has ever had are no loss.
  await log.beginAt?.(topic, begins);
  let first = ends[0].begin;
  const appends = slices.map((slice): QueryAppend => {
    const sql = sliceSql(source, past, slice, first);
    first += slice.rows;
    return { table: rawTable(source), sql };
  });
  const position = { ...(await offline.position(RAW_READER)), [topic]: begins };
  await offline.publishQueries({ writer: RAW_READER, position, mode: 'append', appends });
  return rows;
}

/** A span of time, null without a bound, and its rows. */
interface Slice {
  readonly from: number | null;
  readonly to: number | null;
  readonly rows: number;
}

async function slicesOf(
  { source, offline, rowsAFile = ROWS_A_FILE }: LoadPastOptions,
  past: string,
): Promise<readonly Slice[]> {
  const { at } = placesOf(source);
  const [[rows]] = await rowsOf(offline, `SELECT count(*) FROM (${past})`);
  const files = Math.ceil(Number(rows) / rowsAFile);
  if (files <= 1) return [{ from: null, to: null, rows: Number(rows) }];
  const shares = Array.from({ length: files - 1 }, (_, i) => (i + 1) / files).join(', ');
  const [[found]] = await rowsOf(
    offline,
    `SELECT [CAST(floor(q) AS DOUBLE) FOR q IN approx_quantile(CAST(${at} AS DOUBLE), [${shares}])] FROM (${past})`,
  );
  const bounds = [...new Set(Array.isArray(found) ? found.map(Number) : [])].sort((a, b) => a - b);
  const spans = [null, ...bounds].map((from, i) => ({ from, to: bounds[i] ?? null }));
  const counts = spans.map((span) => `count(*) FILTER (WHERE ${within(at, span)})`);
  const [counted] = await rowsOf(offline, `SELECT ${counts.join(', ')} FROM (${past})`);
  return spans.map((span, i) => ({ ...span, rows: Number(counted[i]) })).filter((slice) => slice.rows > 0);
}

function within(at: string, { from, to }: Pick<Slice, 'from' | 'to'>): string {
  const tests = [...(from === null ? [] : [`${at} >= ${from}`]), ...(to === null ? [] : [`${at} < ${to}`])];
  return tests.length === 0 ? 'true' : tests.join(' AND ');
}

/** The rows of a slice as those of the raw table: each came at its own time. */
function sliceSql(source: EventSourceData, past: string, slice: Slice, first: number): string {
  const { id, at } = placesOf(source);
  const own = Object.keys(source.columns).map((name, place) => `v_${place} AS ${quoted(name)}`);
  return `SELECT ${own.join(', ')}, ${at} AS ${INGEST_TS}, 0 AS ${PARTITION},
  ${first} + row_number() OVER (ORDER BY ${at}, ${id}) - 1 AS ${OFFSET}, 'accepted' AS ${VERDICT}
FROM (${past}) WHERE ${within(at, slice)} ORDER BY ${at}, ${id}`;
}

/** Whether the parser takes a row surely, and as it is. */
function soundSql(source: EventSourceData, before: number, now: number): string {
  const { id, at } = placesOf(source);
  const columns = Object.entries(source.columns).map(([name, spec], place) =>
    columnSql(name === source.time, spec, place, now),
  );
  return [
    `regexp_full_match(${id}, '${EVENT_ID_PATTERN}')`,
    `${at} >= ${EARLIEST_MS}`,
    `${at} < ${before}`,
    ...columns,
  ].join(' AND ');
}

function columnSql(isEventTime: boolean, spec: ColumnSpec, place: number, now: number): string {
  const [value, raw] = [`v_${place}`, `r_${place}`];
  const isThere = spec.nullable ? `(${value} IS NOT NULL OR ${raw} IS NULL)` : `${value} IS NOT NULL`;
  if (spec.type !== 'time' || isEventTime) return isThere;
  return `${isThere} AND (${value} IS NULL OR NOT ${wrongUnitSql(value, now, spec)})`;
}

function placesOf({ columns, id, time }: EventSourceData): { readonly id: string; readonly at: string } {
  const names = Object.keys(columns);
  return { id: `v_${names.indexOf(id)}`, at: `v_${names.indexOf(time)}` };
}

async function rowsOf(offline: OfflineStore, sql: string): Promise<readonly (readonly OfflineValue[])[]> {
  const rows: (readonly OfflineValue[])[] = [];
  for await (const some of offline.query(sql)) rows.push(...some);
  return rows;
}
