import type { BatchViewData } from '../define/declaration.ts';
import { sqlColumns, type Table, tableOf } from './table.ts';

/** Names of key and feature columns in tables of views, so that they never meet a reserved word or one another. */
export const KEY_PREFIX = 'k_';
export const FEATURE_PREFIX = 'f_';

/**
 * All generations of a batch view: `k_<key>`, `generation`, `as_of` (it saw data up to there), `visible_from` (readers
 * saw it from there; epoch ms), `f_<feature>`. Error: PLAN_NAME.
 */
export function batchTable(view: BatchViewData): Table {
  return tableOf(
    `batch/${view.name}@${view.version}`,
    sqlColumns(view.entity.key, KEY_PREFIX),
    { generation: 'BIGINT', as_of: 'BIGINT', visible_from: 'BIGINT' },
    sqlColumns(view.features, FEATURE_PREFIX),
  );
}
