import type { StreamViewData } from '../features/define/declaration.ts';
import { rawTable } from '../features/plan/raw-table.ts';
import { duckdb } from '../features/sql/duckdb.ts';
import { acceptedEventsQuery } from '../features/sql/event-queries.ts';
import { valueText } from '../features/sql/text.ts';
import type { ExplainedWindow } from '../features/window/explain-windows.ts';
import type { OfflineStore, OfflineValue } from '../ports/offline-store.ts';
import type { ColumnSpec, Value } from '../schema/column.ts';
import { scaledToText } from '../schema/decimal.ts';
import type { ExplainedLookup } from './online/explain-lookups.ts';
import type { Vector } from './online/user-values.ts';

/** Events of a key that are shown: the newest. */
export const MOST_EVENTS = 50;

/** Tiles of a window that are shown: the newest. */
export const MOST_TILES = 100;

/** A value as people read it: exact numbers are text. */
export type Shown = string | number | boolean | null;

/** A tile of a window, with the window's features over this tile alone. */
export interface ShownTile {
  readonly hopMs: number;
  readonly start: number;
  readonly events: number;
  readonly latest: number;
  readonly alone: Readonly<Record<string, Shown>>;
}

export interface ShownWindow {
  readonly windowMs: number | null;
  readonly from: number | null;
  readonly to: number;
  readonly events: number;
  readonly values: Readonly<Record<string, Shown>>;
  /** The newest ones, the newest first. */
  readonly tiles: readonly ShownTile[];
  /** Older ones, which are not shown. */
  readonly moreTiles: number;
}

/** The tiles and events behind a stream lookup of a vector. */
export interface ShownLookup {
  readonly alias: string;
  /** `name@version` of the view. */
  readonly view: string;
  readonly source: string;
  /** The column of the events' times. */
  readonly time: string;
  readonly key: Readonly<Record<string, Shown>>;
  /** Null: a part of the key is null, or the tiles of the instant are dropped. */
  readonly windows: readonly ShownWindow[] | null;
  /** The newest events of the longest window by their columns, the newest first: accepted ones, each once. */
  readonly events: readonly Readonly<Record<string, Shown>>[];
}

/** A vector, and for each of its stream lookups the tiles and events that its values come from. */
export interface Explanation {
  readonly vector: Vector<Readonly<Record<string, Value>>>;
  readonly lookups: readonly ShownLookup[];
}

type History = Pick<OfflineStore, 'query' | 'relation' | 'tables'>;

/** A lookup for people, with the events of its key out of the history. */
export async function shownLookup(
  { alias, view, key, windows }: ExplainedLookup,
  history: History,
): Promise<ShownLookup> {
  return {
    alias,
    view: `${view.name}@${view.version}`,
    source: view.source.name,
    time: view.source.time,
    key: Object.fromEntries(Object.entries(key).map(([part, value]) => [part, shown(value, view.entity.key[part])])),
    windows: windows?.map((window) => shownWindow(view, window)) ?? null,
    events: windows === null ? [] : await newestEvents(view, key, windows, history),
  };
}

function shownWindow(
  view: StreamViewData,
  { windowMs, from, to, events, answers, tiles }: ExplainedWindow,
): ShownWindow {
  const types = Object.fromEntries(view.features.map(({ name, type }) => [name, type]));
  const values = (of: ExplainedWindow['answers']) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, shown(value ?? null, types[name])]));
  return {
    windowMs,
    from,
    to,
    events,
    values: values(answers),
    tiles: tiles
      .slice(-MOST_TILES)
      .toReversed()
      .map(({ alone, ...tile }) => ({ ...tile, alone: values(alone) })),
    moreTiles: Math.max(0, tiles.length - MOST_TILES),
  };
}

/** The newest accepted events of a key in its longest window. */
async function newestEvents(
  { source, key: columns }: StreamViewData,
  key: ExplainedLookup['key'],
  windows: readonly ExplainedWindow[],
  history: History,
): Promise<ShownLookup['events']> {
  const table = rawTable(source);
  if (!history.tables().some((state) => state.table.name === table.name)) return [];
  const time = duckdb.identifier(source.time);
  const names = Object.keys(source.columns);
  const tests = Object.entries(columns).map(
    ([part, column]) => `${duckdb.identifier(column)} = ${valueText(key[part] ?? null, duckdb)}`,
  );
  const froms = windows.map(({ from }) => from);
  const from = froms.includes(null) ? null : Math.min(...froms.map(Number));
  if (from !== null) tests.push(`${time} >= ${from}`);
  tests.push(`${time} < ${windows[0]?.to ?? 0}`);
  const accepted = acceptedEventsQuery(source, history.relation(table), duckdb);
  const sql = `SELECT ${names.map(duckdb.identifier).join(', ')} FROM (${accepted}) AS accepted
WHERE ${tests.join(' AND ')} ORDER BY ${time} DESC LIMIT ${MOST_EVENTS}`;
  const rows: Readonly<Record<string, Shown>>[] = [];
  for await (const found of history.query(sql))
    for (const row of found)
      rows.push(Object.fromEntries(names.map((name, i) => [name, shown(row[i] ?? null, source.columns[name])])));
  return rows;
}

/** A stored value for people. */
function shown(value: Value | OfflineValue, spec?: ColumnSpec): Shown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'bigint')
    return JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one));
  if (spec?.type === 'decimal') return scaledToText(value, spec.scale ?? 0);
  return spec?.type === 'int' || spec?.type === 'time' ? Number(value) : String(value);
}
