import type { StreamViewData } from '../../features/define/declaration.ts';
import { tileIdentity } from '../../features/tile/tile-identity.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { UNSTORED, unstoredOf } from '../publish-storable.ts';
import { type Between, tileTests } from './tile-tables.ts';

/** A table of rows of a view's tiles that could not be stored, and the newest version in it. */
export interface UnstoredTiles {
  readonly table: string;
  readonly hopMs: number;
  readonly newest: bigint;
}

/** The rows of a view that could not be stored so far. */
export async function unstoredTiles(view: StreamViewData, offline: OfflineStore): Promise<readonly UnstoredTiles[]> {
  const prefix = `tiles/${tileIdentity(view)}/`;
  const found: UnstoredTiles[] = [];
  for (const { table: name } of unstoredOf(offline.tables())) {
    if (!name.startsWith(prefix)) continue;
    const table = `${UNSTORED}${name}`;
    const state = offline.tables().find((one) => one.table.name === table);
    if (state === undefined) continue;
    const sql = `SELECT CAST(MAX(${VERSION}) AS STRING) FROM ${offline.relation(state.table)} AS t`;
    for await (const [[newest] = []] of offline.query(sql))
      found.push({ table, hopMs: Number(name.slice(prefix.length).split('/')[0]), newest: BigInt(String(newest)) });
  }
  return found;
}

/**
 * Erases the rows that a backfill of the span has replaced. Rows outside the span or of tiles that are still open stay, and so do those of
 * the backfill's own tiles. `logClock`: -Infinity where no event has come, so that no tile lacks anything.
 */
export async function eraseReplaced(
  before: readonly UnstoredTiles[],
  options: {
    readonly layout: TileLayout;
    readonly offline: OfflineStore;
    readonly logClock: number;
    readonly between: Between;
  },
): Promise<void> {
  const { layout, offline, logClock, between } = options;
  const closedAt = logClock === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : logClock;
  for (const { table, hopMs, newest } of before) {
    const tests = tileTests('CAST(tile_start AS BIGINT)', hopMs, { layout, closedAt, between });
    await offline.erase(table, [`${VERSION} <= CAST(${newest} AS BIGINT)`, ...tests].join(' AND '));
  }
}

const VERSION = 'CAST(version AS BIGINT)';
