import type { EventSourceData, FeatureServiceData, OnDemandViewData } from '../../features/define/declaration.ts';
import { OFFSET, PARTITION, rawTable } from '../../features/plan/raw-table.ts';
import { duckdb } from '../../features/sql/duckdb.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Value } from '../../schema/column.ts';
import { pastGenerations } from '../batch/past-generations.ts';
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
  /** Prefix of scratch files; null: instants before the first run of a batch view have nulls from it. */
  readonly scratch: string | null;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/** A vector as of a past instant. */
export interface PastVector {
  /** In the order of the service's features. */
  readonly values: readonly Value[];
  /** Events by stream lookup and window. */
  readonly counts: readonly (readonly number[])[];
}

/**
 * By offset, the vectors of a service as of the event time of each delivery, from the history, by the rules of training sets. A delivery
 * that the history does not have is left out. Errors: those of the history.
 */
export async function pastVectors(options: PastVectorsOptions): Promise<ReadonlyMap<number, PastVector>> {
  const { service, source, partition, offsets, offline, scratch, onComputeError } = options;
  const columns = Object.keys(service.request).map((column) => `, ${duckdb.identifier(column)}`);
  const spine = `SELECT CAST(${OFFSET} AS VARCHAR) AS _id, ${duckdb.identifier(source.time)} AS _at${columns.join('')}
FROM ${offline.relation(rawTable(source))} AS r WHERE ${PARTITION} = ${partition} AND ${OFFSET} IN (${offsets.join(', ')})`;
  const asked = { service, offline, onComputeError, spine, mode: 'corrected' } as const;
  const past = scratch === null ? null : await pastGenerations({ ...asked, scratch, onProgress: () => undefined });
  const generationsOf = past === null ? {} : { generationsOf: past.generationsOf };
  const found = new Map<number, PastVector>();
  try {
    for await (const rows of pointInTimeRows({ ...asked, counts: true, ...generationsOf }))
      for (const { id, values, counts } of rows)
        found.set(Number(id), { values, counts: counts.map((lookup) => lookup.map((events) => events ?? 0)) });
    return found;
  } finally {
    past?.drop();
  }
}
