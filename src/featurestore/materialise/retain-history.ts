import type { OfflineStore, OfflineTable } from '../../ports/offline-store.ts';

/** Columns by which tables of the history age, epoch ms: arrivals, tiles, generations, vectors, predictions, profiles. */
const TIME_COLUMNS = ['_ingest_ts', 'tile_start', 'visible_from', '_at', 'at', 'begins'];

/** Drops the oldest files of every table of the history that has outgrown its budget; returns the names of those. */
export async function retainHistory(offline: OfflineStore, tableBytes: number): Promise<readonly string[]> {
  const outgrown = offline.tables().filter(({ sizeBytes }) => sizeBytes > tableBytes);
  for (const { table } of outgrown) {
    const timeColumn = timeColumnOf(table);
    if (timeColumn !== undefined)
      await offline.retain(table.name, { timeColumn, olderThan: Number.NEGATIVE_INFINITY, maxBytes: tableBytes });
  }
  return outgrown.map(({ table }) => table.name);
}

/** The column by which a table ages; undefined where it has none. */
export function timeColumnOf({ columns }: OfflineTable): string | undefined {
  return TIME_COLUMNS.find((name) => columns[name] === 'BIGINT');
}
