import type { BatchViewData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import type { OfflineValue } from '../../ports/offline-store.ts';
import type { BatchRow } from '../../ports/online-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';

/** A generation in the history. */
export interface KeptGeneration {
  readonly generation: number;
  readonly asOf: number;
  readonly visibleFrom: number;
}

/** The rows of a generation in the view's table; an empty generation is one row without an entity. */
export function generationRows(
  view: BatchViewData,
  { generation, asOf, visibleFrom }: KeptGeneration,
  rows: readonly BatchRow[],
): { readonly rows: number; readonly columns: OfflineValue[][] } {
  const { decode } = entityKeyCodec(view.entity.key);
  const about = [generation, asOf, visibleFrom];
  const columns: OfflineValue[][] = Object.keys(batchTable(view).columns).map(() => []);
  const add = (row: readonly OfflineValue[]): void => {
    for (let c = 0; c < columns.length; c += 1) columns[c].push(row[c]);
  };
  for (const { key, values } of rows) add([...decode(key), ...about, ...values]);
  // A generation without rows is one too: a row of no entity says from when on nothing was there.
  if (rows.length === 0) add([...nulls(view.entity.key), ...about, ...nulls(view.features)]);
  return { rows: Math.max(rows.length, 1), columns };
}

function nulls(of: object): readonly null[] {
  return Object.keys(of).map(() => null);
}
