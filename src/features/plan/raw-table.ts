import type { EventSourceData } from '../define/declaration.ts';
import { sqlColumns, type Table, tableOf } from './table.ts';

/** Columns of every raw table after the source's own: the ingest time of the delivery, and its position in the log. */
export const INGEST_TS = '_ingest_ts';
export const PARTITION = '_partition';
export const OFFSET = '_offset';
/** The source's `Verdict` on the delivery; null if it was archived without one. */
export const VERDICT = '_verdict';

/**
 * The raw deliveries of a source: its columns under their own names, then `_ingest_ts`, `_partition`, `_offset`,
 * `_verdict`. Every well-formed delivery is a row, duplicates and late ones too, so that any rule can be judged again.
 * Error: PLAN_NAME.
 */
export function rawTable(source: EventSourceData): Table {
  return tableOf(`events/${source.name}@${source.version}`, sqlColumns(source.columns), {
    [INGEST_TS]: 'BIGINT',
    [PARTITION]: 'BIGINT',
    [OFFSET]: 'BIGINT',
    [VERDICT]: 'STRING',
  });
}
