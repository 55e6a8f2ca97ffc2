import type { BatchViewData } from '../../features/define/declaration.ts';
import { batchTable } from '../../features/plan/batch-table.ts';
import type { OfflineValue } from '../../ports/offline-store.ts';
import type { BatchRow } from '../../ports/online-store.ts';
import { entityKeyCodec } from '../../schema/entity-key.ts';
import { featureNames, keyNames, type RunRows } from './run-rows.ts';

/** A generation in the history. */
export interface KeptGeneration {
  readonly generation: number;
  readonly asOf: number;
  readonly visibleFrom: number;
}

/** SQL of the rows of a generation in the view's table; an empty generation is one row without an entity. */
export function generationSql(
  view: BatchViewData,
  { generation, asOf, visibleFrom }: KeptGeneration,
  { relation, rows }: Pick<RunRows, 'relation' | 'rows'>,
): string {
  const about = Object.entries({ generation, as_of: asOf, visible_from: visibleFrom });
  const whole = about.map(([name, value]) => `CAST(${value} AS BIGINT) AS ${name}`).join(', ');
  const [keys, features] = [keyNames(view), featureNames(view)];
  if (rows > 0) return `SELECT ${[...keys, whole, ...features].join(', ')} FROM ${relation} AS run`;
  return `SELECT ${[...keys, ...features].map((name) => `NULL AS ${name}`).join(', ')}, ${whole}`;
}

/** The rows of a generation in the view's table, as {@link generationSql} has them. */
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
