import type { EventSourceData, FeatureServiceData, OnDemandViewData } from '../../features/define/declaration.ts';
import { OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { pointInTimeRows } from './point-in-time.ts';

/** Deliveries of one partition of a source that are requests of a service. */
export interface PastDeliveries {
  readonly service: FeatureServiceData;
  readonly source: EventSourceData;
  readonly partition: number;
  readonly offsets: readonly number[];
}

export interface PastVectorsOptions extends PastDeliveries {
  readonly offline: OfflineStore;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/**
 * By offset, the values of a service's features as of the event time of each delivery, from the history. A delivery that the
 * history does not have is left out. Errors: those of the history.
 */
export async function pastVectors(options: PastVectorsOptions): Promise<ReadonlyMap<number, readonly Value[]>> {
  const { service, source, partition, offsets, offline, onComputeError } = options;
  const columns = Object.keys(service.request).map((column) => `, ${duckdb.identifier(column)}`);
  const spine = `SELECT CAST(${OFFSET} AS VARCHAR) AS _id, ${duckdb.identifier(source.time)} AS _at${columns.join('')}
FROM ${offline.relation(rawTable(source))} AS r WHERE ${PARTITION} = ${partition} AND ${OFFSET} IN (${offsets.join(', ')})`;
  const found = new Map<number, readonly Value[]>();
  const asked = { service, offline, onComputeError, spine, mode: 'corrected', counts: false } as const;
  for await (const rows of pointInTimeRows(asked)) for (const { id, values } of rows) found.set(Number(id), values);
  return found;
}
