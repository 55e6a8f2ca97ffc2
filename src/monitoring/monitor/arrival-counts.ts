import type { EventSourceData, FeatureServiceData } from '../../features/define/declaration.ts';
import { INGEST_TS, rawTable, VERDICT } from '../../features/plan/raw-table.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { type CountedWindows, HISTORY_MS } from '../detect/usual-volume.ts';
import { readRows } from '../features/profile-sql.ts';
import { profileTable } from '../served/profile-table.ts';
import type { Span } from './judge-windows.ts';

const DAY_MS = 86_400_000;

type History = Pick<OfflineStore, 'query' | 'relation'>;

/** Rows of a source, or requests, by window of their arrival. */
export interface ArrivalCounts extends CountedWindows {
  /** Of those, how many were too late to count. */
  readonly lateOf: (begin: number) => number;
  /** Whether the published history has a row that came at or after an instant. */
  readonly reaches: (at: number) => boolean;
}

interface Counted {
  /** Begin of the rows that were read. */
  oldest: number;
  /** Windows that begin before it are not read again. */
  settled: number;
  readonly windows: Map<number, { readonly rows: number; readonly late: number }>;
}

/** Counts of past windows by table and length of a window: they do not change, and a process need not read them again. */
export type ArrivalMemory = Map<string, Counted>;

/** SQL of a count: of the relation, of the instant of arrival, of the number of rows and of late ones. */
interface Query {
  readonly key: string;
  readonly relation: string;
  readonly at: string;
  readonly rows: string;
  readonly late: string;
  readonly where: string;
}

export interface CountOptions {
  readonly windowMs: number;
  /** Of the first window to the end of the last. */
  readonly span: Span;
  readonly now: number;
  readonly memory: ArrivalMemory;
}

/** Deliveries of a source by window: those that were too late for a window are counted apart. */
export function sourceArrivals(
  history: History,
  source: EventSourceData,
  options: CountOptions,
): Promise<ArrivalCounts> {
  const table = rawTable(source);
  const late = `COUNT(*) FILTER (WHERE ${VERDICT} = 'late')`;
  const query = {
    key: table.name,
    relation: history.relation(table),
    at: INGEST_TS,
    rows: 'COUNT(*)',
    late,
    where: '',
  };
  return arrivals(history, query, options);
}

/** Requests for the features of a service by window; null: no profiles count them by windows so short. */
export async function requestArrivals(
  history: History,
  service: FeatureServiceData,
  options: CountOptions,
): Promise<ArrivalCounts | null> {
  const table = profileTable(service);
  const relation = history.relation(table);
  const { span, windowMs } = options;
  const [[interval] = []] = await readRows(
    history,
    `SELECT MAX("ends" - "begins") FROM ${relation} AS t WHERE "begins" >= ${span.from - HISTORY_MS} AND "begins" < ${span.to}`,
  );
  if (interval === null || interval === undefined || windowMs % Number(interval) !== 0) return null;
  const query = {
    key: table.name,
    relation,
    at: '"begins"',
    rows: 'SUM("served")',
    late: '0',
    where: ' AND "profile" IS NULL',
  };
  return arrivals(history, query, options);
}

async function arrivals(
  history: History,
  { key, relation, at, rows, late, where }: Query,
  { windowMs, span, now, memory }: CountOptions,
): Promise<ArrivalCounts> {
  const named = `${key}/${windowMs}`;
  const oldest = span.from - HISTORY_MS - windowMs;
  const known = memory.get(named);
  const counted: Counted =
    known !== undefined && known.oldest <= oldest ? known : { oldest, settled: oldest, windows: new Map() };
  memory.set(named, counted);
  const from = Math.floor(Math.max(oldest, counted.settled) / windowMs) * windowMs;
  const to = Math.max(span.to, now) + 1;
  for (const begin of counted.windows.keys())
    if (begin >= from || begin < oldest - HISTORY_MS) counted.windows.delete(begin);
  const found = await readRows(
    history,
    `SELECT ${at} // ${windowMs} AS place, ${rows}, ${late} FROM ${relation} AS t
WHERE ${at} >= ${from} AND ${at} < ${to}${where} GROUP BY 1`,
  );
  for (const [place, all, tooLate] of found)
    counted.windows.set(Number(place) * windowMs, { rows: Number(all), late: Number(tooLate) });
  // A row may be published some time after it came.
  counted.settled = Math.min(span.from, now) - DAY_MS;
  const { windows } = counted;
  const begins = [...windows.keys()];
  const first = begins.reduce((least, begin) => Math.min(least, begin), Number.POSITIVE_INFINITY);
  const newest = begins.reduce((most, begin) => Math.max(most, begin), Number.NEGATIVE_INFINITY);
  return {
    windowMs,
    // The window of the first row may have begun before the source did.
    since: first + windowMs,
    countOf: (begin) => windows.get(begin)?.rows ?? 0,
    lateOf: (begin) => windows.get(begin)?.late ?? 0,
    reaches: (instant) => newest + windowMs > instant,
  };
}
