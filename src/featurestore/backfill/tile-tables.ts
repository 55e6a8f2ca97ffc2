import { rawTable } from '../../features/plan/raw-table.ts';
import type { Dialect } from '../../features/sql/dialect.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { type TileQueries, tileQueries } from '../../features/sql/tile-queries.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import { tileHorizonMs } from '../../features/window/tile-horizon.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';

/** A span of time; null: no bound. */
export interface Between {
  readonly from: number | null;
  readonly to: number | null;
}

/** Which tiles of a view are computed. */
export interface TileTablesOptions {
  readonly layout: TileLayout;
  readonly offline: OfflineStore;
  readonly generation: number;
  /** Tiles that end, with the source's lateness, before this instant are computed; Infinity: all. */
  readonly closedAt: number;
  readonly between: Between;
  /** The log clock: tiles that no window reaches from there on are left out. Left out: none is. */
  readonly reachedFrom?: number;
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** Tiles of a hop, and their parts, as SQL that the offline store runs; a row has all parts of a tile. */
export interface TileTables extends TileQueries {
  readonly hopMs: number;
}

/** The tiles of each hop of a view, computed by the offline store. */
export function tileTables(options: TileTablesOptions): readonly TileTables[] {
  const { layout, offline } = options;
  const relation = offline.relation(rawTable(layout.view.source));
  return layout.view.hopsMs.map((hopMs) => ({ hopMs, ...queriesOf(options, hopMs, duckdb, relation) }));
}

/** The SQL that computes the tiles of a hop over a relation of raw deliveries. */
export function queriesOf(options: TileTablesOptions, hopMs: number, dialect: Dialect, relation: string): TileQueries {
  const { layout, generation } = options;
  const { tiles, parts } = tileQueries(layout.view, hopMs, { dialect, relation, generation });
  const within = (sql: string) => tilesWithin(sql, hopMs, options);
  return {
    tiles: within(tiles),
    parts: Object.fromEntries(Object.entries(parts).map(([name, sql]) => [name, within(sql)])),
  };
}

/** Of a SELECT with a `tile_start` the rows of closed tiles that lie whole in the span. */
export function tilesWithin(sql: string, hopMs: number, options: TileTablesOptions): string {
  const tests = tileTests('tile_start', hopMs, options);
  return tests.length === 0 ? sql : `SELECT * FROM (${sql}) AS computed WHERE ${tests.join(' AND ')}`;
}

/** Conditions for closed tiles that lie whole in the span; `start`: SQL for a tile's start. */
export function tileTests(
  start: string,
  hopMs: number,
  options: Pick<TileTablesOptions, 'layout' | 'closedAt' | 'between' | 'reachedFrom'>,
): readonly string[] {
  const { layout, closedAt, reachedFrom = Number.NEGATIVE_INFINITY } = options;
  const { from, to } = options.between;
  const closedBefore = closedAt - hopMs - layout.view.source.latenessMs;
  const endedBefore = reachedFrom - tileHorizonMs(layout.view, hopMs);
  return [
    ...(Number.isFinite(endedBefore) ? [`${start} + CAST(${hopMs} AS BIGINT) > CAST(${endedBefore} AS BIGINT)`] : []),
    ...(closedBefore === Number.POSITIVE_INFINITY ? [] : [`${start} < CAST(${closedBefore} AS BIGINT)`]),
    ...(from === null ? [] : [`${start} >= CAST(${from} AS BIGINT)`]),
    ...(to === null ? [] : [`${start} + CAST(${hopMs} AS BIGINT) <= CAST(${to} AS BIGINT)`]),
  ];
}
