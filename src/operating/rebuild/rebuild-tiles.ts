import { fail } from '../../base/errors/fail.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import { STREAM_GENERATION } from '../../features/engine/stream-engine.ts';
import { OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { partsTable, tileTable } from '../../features/plan/tile-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import { type TileQueries, tileQueries } from '../../features/sql/tile-queries.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { TILE_READER } from '../../featurestore/materialise/archive.ts';
import type { OfflineStore, OfflineTable, RowBatch } from '../../ports/offline-store.ts';
import { batchOf } from './logged-table.ts';

/** The first version of a generation, and the number of versions in one: `src/features/tile/version.ts`. */
const VERSIONS = '(CAST(1 AS BIGINT) << 40)';

/** The tile tables of a view at one hop: that of the tiles, and those of their parts by aggregate. */
interface HopTables {
  readonly tiles: OfflineTable;
  readonly parts: readonly { readonly name: string; readonly table: OfflineTable }[];
}

export function hopTables(view: StreamViewData, hopMs: number): HopTables {
  const parts = view.aggregates.flatMap((spec) => {
    const table = partsTable(view, hopMs, spec);
    return table === null ? [] : [{ name: spec.name, table }];
  });
  return { tiles: tileTable(view, hopMs), parts };
}

/**
 * Rebuilds the damaged tile files of a view at one hop: computes its tiles from the deliveries up to the published position, and
 * writes those whose newest version no sound file has. The table of deliveries must be whole. Errors: OFFLINE_REBUILD, those of the store.
 */
export async function rebuildTiles(offline: OfflineStore, view: StreamViewData, hopMs: number): Promise<void> {
  const { tiles, parts } = hopTables(view, hopMs);
  const damaged = new Set(offline.damaged().map(({ table }) => table));
  const computed = await computedTiles(offline, view, hopMs, tiles);
  const keys = [...Object.keys(view.entity.key).map((name) => `k_${name}`), 'tile_start'];
  if (damaged.has(tiles.name))
    await offline.replaceDamaged(
      tiles,
      rowsOf(offline, tiles, lostTiles(offline, { tiles, parts }, keys, computed.tiles)),
    );
  for (const { name, table } of parts) {
    if (!damaged.has(table.name)) continue;
    const lost = lostParts(offline, { tiles, parts: table, keys, computed: computed.parts[name] });
    await offline.replaceDamaged(table, rowsOf(offline, table, lost));
  }
}

async function computedTiles(
  offline: OfflineStore,
  view: StreamViewData,
  hopMs: number,
  { name }: OfflineTable,
): Promise<TileQueries> {
  const published = (await offline.position(TILE_READER))?.[topicOf(view.source)];
  // Tiles of another engine are published by their place in its topics.
  if (published === undefined)
    throw fail('OFFLINE_REBUILD', { table: name, reason: 'another engine writes its tiles' });
  const before = published.map((next, partition) => `WHEN ${partition} THEN ${next}`).join(' ');
  const deliveries = offline.relation(rawTable(view.source));
  const relation = `(SELECT * FROM ${deliveries} AS d WHERE ${OFFSET} < CASE ${PARTITION} ${before} END)`;
  return tileQueries(view, hopMs, { dialect: duckdb, relation, generation: STREAM_GENERATION });
}

/**
 * Computed tiles that have more events than the newest sound row. A tile keeps the generation that it or its parts have in a sound file;
 * one that a backfill wrote and that is in none gets the first, with the same content.
 */
function lostTiles(
  offline: OfflineStore,
  { tiles, parts }: HopTables,
  keys: readonly string[],
  computed: string,
): string {
  const known = [tiles, ...parts.map(({ table }) => table)]
    .map((table) => `SELECT ${keys.join(', ')}, version FROM ${offline.soundRelation(table)} AS t`)
    .join(' UNION ALL ');
  const columns = Object.keys(tiles.columns).map((column) =>
    column === 'version' ? `COALESCE(k.newest - k.newest % ${VERSIONS}, 0) + c.n AS version` : `c.${column}`,
  );
  return `SELECT ${columns.join(', ')} FROM (${computed}) AS c
LEFT JOIN (${newestSql(offline.soundRelation(tiles), keys)}) AS s ON ${sameTile('c', 's', keys)}
LEFT JOIN (${newestSql(`(${known})`, keys)}) AS k ON ${sameTile('c', 'k', keys)}
WHERE s.newest IS NULL OR s.newest % ${VERSIONS} < c.n`;
}

/** Computed parts of the newest tiles, where no sound file has parts of that version. */
function lostParts(
  offline: OfflineStore,
  options: {
    readonly tiles: OfflineTable;
    readonly parts: OfflineTable;
    readonly keys: readonly string[];
    readonly computed: string;
  },
): string {
  const { tiles, parts, keys, computed } = options;
  const columns = Object.keys(parts.columns).map((column) =>
    column === 'version' ? 'm.newest AS version' : `c.${column}`,
  );
  return `SELECT ${columns.join(', ')} FROM (${computed}) AS c
JOIN (${newestSql(offline.relation(tiles), keys)}) AS m ON ${sameTile('c', 'm', keys)} AND m.newest % ${VERSIONS} = c.version
WHERE NOT EXISTS (
  SELECT 1 FROM ${offline.soundRelation(parts)} AS p WHERE ${sameTile('p', 'c', keys)} AND p.version = m.newest)`;
}

function newestSql(relation: string, keys: readonly string[]): string {
  return `SELECT ${keys.join(', ')}, MAX(version) AS newest FROM ${relation} AS t GROUP BY ${keys.join(', ')}`;
}

function sameTile(left: string, right: string, keys: readonly string[]): string {
  return keys.map((key) => `${left}.${key} = ${right}.${key}`).join(' AND ');
}

async function* rowsOf(offline: OfflineStore, table: OfflineTable, sql: string): AsyncGenerator<RowBatch> {
  for await (const rows of offline.query(sql)) yield batchOf(table, rows);
}
