import type { BatchViewData } from '../define/declaration.ts';
import { FEATURE_PREFIX, KEY_PREFIX } from './names.ts';
import { sqlColumns, type Table, tableOf } from './table.ts';

/**
 * All generations of a batch view: `k_<key>`, `generation`, `as_of` (it saw data up to there), `visible_from` (readers
 * saw it from there; epoch ms), `f_<feature>`. A generation without rows is one row whose key is null: it is visible, and
 * no key is in it. Error: PLAN_NAME.
 */
export function batchTable(view: BatchViewData): Table {
  return tableOf(
    `batch/${view.name}@${view.version}`,
    sqlColumns(view.entity.key, KEY_PREFIX),
    { generation: 'BIGINT', as_of: 'BIGINT', visible_from: 'BIGINT' },
    sqlColumns(view.features, FEATURE_PREFIX),
  );
}
