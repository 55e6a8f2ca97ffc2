import { fail } from '../../base/errors/fail.ts';
import type { StreamViewData } from '../../features/define/declaration.ts';
import { ID, keyColumn } from '../../features/plan/names.ts';
import { rawTable } from '../../features/plan/raw-table.ts';
import { SPINE_AT, SPINE_ID } from '../../features/plan/scan.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import { WindowReader } from '../../features/window/window-reader.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { pointInTimeRows } from '../training-set/point-in-time.ts';
import { viewService } from '../view-service.ts';

export interface VerifyOptions {
  readonly layout: TileLayout;
  readonly offline: OfflineStore;
  /** The tiles of a key, by hop. */
  readonly runsOf: (key: string) => Promise<readonly TileRun[]>;
  /** The instant that is asked for: after every event. */
  readonly at: number;
  /** How many keys are compared. */
  readonly keys: number;
}

/**
 * Compares the answers of a view's tiles with those of its raw events, for a sample of its keys: those with the least
 * hash. Returns how many were compared. Error: BACKFILL_DIFFERS.
 */
export async function verifyTiles({ layout, offline, runsOf, at, keys }: VerifyOptions): Promise<number> {
  const { view } = layout;
  const reader = new WindowReader(layout);
  const { encode } = entityKeyCodec(view.entity.key);
  const service = viewService(view);
  const differing: string[] = [];
  let compared = 0;
  const rows = pointInTimeRows({
    service,
    offline,
    spine: sampleSql(view, offline.relation(rawTable(view.source)), at, keys),
    mode: 'corrected',
    counts: false,
    onComputeError: () => undefined,
  });
  for await (const batch of rows) {
    for (const { values } of batch) {
      const width = Object.keys(view.entity.key).length;
      const key = encode(values.slice(0, width)) ?? '';
      const read: (Value | undefined)[] = [];
      // Instants that tiles cannot answer are not compared.
      if (reader.read(await runsOf(key), at, read, 0) !== at) continue;
      compared += 1;
      const name = view.features.findIndex((_, i) => text(read[i]) !== text(values[width + i]));
      if (name >= 0)
        differing.push(
          `${view.features[name].name} of ${key} is ${text(read[name])}, not ${text(values[width + name])}`,
        );
    }
  }
  if (differing.length > 0)
    throw fail('BACKFILL_DIFFERS', {
      view: `${view.name}@${view.version}`,
      keys: compared,
      differing: differing.length,
      example: differing[0],
    });
  return compared;
}

function sampleSql({ entity, key }: StreamViewData, deliveries: string, at: number, keys: number): string {
  const parts = Object.keys(entity.key);
  const columns = parts.map((name) => `"${key[name]}" AS ${keyColumn(name)}`);
  const present = parts.map((name) => `"${key[name]}" IS NOT NULL`);
  const names = parts.map(keyColumn);
  return `SELECT CAST(ROW_NUMBER() OVER () AS STRING) AS ${SPINE_ID}, CAST(${at} AS BIGINT) AS ${SPINE_AT}, ${parts.map((name) => `${keyColumn(name)} AS "${name}"`).join(', ')}
FROM (
  SELECT ${names.join(', ')}
  FROM (SELECT DISTINCT ${columns.join(', ')} FROM ${deliveries} WHERE ${present.join(' AND ')}) AS ${ID}
  ORDER BY HASH(${names.join(', ')}), ${names.join(', ')}
  LIMIT ${keys}
) AS sample`;
}

function text(value: Value | undefined): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? null);
}
