import type { Columns } from '../../schema/column.ts';
import type { BatchViewData, EventSourceData } from '../define/declaration.ts';
import { batchTable } from './batch-table.ts';
import { ASKED, INGEST, JUDGED, LOG_OFFSET, PARTITION_NO, requestColumn, sourceColumn } from './names.ts';
import { INGEST_TS, OFFSET, PARTITION, rawTable, VERDICT } from './raw-table.ts';

/** Reads a table under safe names: the only place where declared names are written, quoted as the engine wants it. */
export interface ScanPlan {
  readonly kind: 'scan';
  /** The kind of the rows; the name of the step. */
  readonly of: 'deliveries' | 'unjudged' | 'spine' | 'generations' | 'slid';
  /** SQL text that stands for the table in a FROM clause. */
  readonly relation: string;
  /** Column of the table by name in the result. */
  readonly stored: Readonly<Record<string, string>>;
  /** Column of the table that is null in the rows that are read; all are where it is left out. */
  readonly without?: string;
}

/** The deliveries of a source, as {@link rawTable} keeps them. */
export function scanDeliveries(source: EventSourceData, relation: string): ScanPlan {
  // Made for its check: a source that no table can hold is refused before SQL is written for it.
  rawTable(source);
  const own = Object.keys(source.columns).map((name): [string, string] => [sourceColumn(name), name]);
  const place = { [INGEST]: INGEST_TS, [PARTITION_NO]: PARTITION, [LOG_OFFSET]: OFFSET, [JUDGED]: VERDICT };
  return { kind: 'scan', of: 'deliveries', relation, stored: { ...Object.fromEntries(own), ...place } };
}

/** The deliveries that were archived without a verdict. A separate scan: engines skip it if there are none. */
export function scanUnjudged(source: EventSourceData, relation: string): ScanPlan {
  return { ...scanDeliveries(source, relation), of: 'unjudged', without: VERDICT };
}

/** A spine: `id`, `q` (the instant asked for, epoch ms) and request columns under their own names. */
export function scanSpine(request: Columns, relation: string): ScanPlan {
  const own = Object.keys(request).map((name): [string, string] => [requestColumn(name), name]);
  return {
    kind: 'scan',
    of: 'spine',
    relation,
    stored: { id: SPINE_ID, [ASKED]: SPINE_AT, ...Object.fromEntries(own) },
  };
}

/** Columns that a spine relation has in addition to the request's. */
export const SPINE_ID = '_id';
export const SPINE_AT = '_at';

/** Answers of a lookup that were made before the join, by key and instant: `q`, the key and `f_<feature>` under these names. */
export function scanSlid(keys: readonly string[], features: readonly string[], relation: string): ScanPlan {
  const stored = Object.fromEntries([...keys, ASKED, ...features].map((name) => [name, name]));
  return { kind: 'scan', of: 'slid', relation, stored };
}

/** The generations of a batch view, as {@link batchTable} keeps them. */
export function scanGenerations(view: BatchViewData, relation: string): ScanPlan {
  const stored = Object.fromEntries(Object.keys(batchTable(view).columns).map((name) => [name, name]));
  return { kind: 'scan', of: 'generations', relation, stored };
}
