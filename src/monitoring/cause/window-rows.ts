import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { frameFeatures, frameSql } from '../interop/monitoring-frame.ts';

/** Predictions of a version with their features and losses, one row each. */
export interface WindowRows {
  readonly features: ReadonlyMap<string, ColumnValues>;
  /** Squared for a probability, absolute for a number. */
  readonly losses: Float64Array;
}

/** Rows that are read of a span: of more, an even sample by id. */
const MOST_ROWS = 50_000;

/** The labelled predictions of a version in [from, to), with the features of their logged vectors. */
export async function labelledRows(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): Promise<WindowRows> {
  const features = frameFeatures(model);
  const score = model.task === 'binary' ? 'y_pred_proba' : 'y_pred';
  const names = features.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
  const frame = frameSql(model, history, { kind: 'nannyml', from, to, now });
  const sql = `SELECT ${score}, y_true${names.map((name) => `, ${name}`).join('')} FROM (${frame})
WHERE version = ${version} AND y_true IS NOT NULL ORDER BY hash(prediction_id), prediction_id LIMIT ${MOST_ROWS}`;
  const losses: number[] = [];
  const columns = features.map((): (string | null)[] | number[] => []);
  const isText = features.map(({ type }) => type.type === 'text');
  for await (const rows of history.query(sql))
    for (const row of rows) {
      const gap = Number(row[0]) - Number(row[1]);
      losses.push(model.task === 'binary' ? gap * gap : Math.abs(gap));
      for (let c = 0; c < columns.length; c += 1) pushCell(columns[c], row[c + 2], isText[c]);
    }
  return {
    features: new Map(
      features.map(({ name }, c) => [
        name,
        isText[c] ? (columns[c] as (string | null)[]) : Float64Array.from(columns[c] as number[]),
      ]),
    ),
    losses: Float64Array.from(losses),
  };
}

function pushCell(column: unknown[], value: OfflineValue, isText: boolean): void {
  if (isText) column.push(value === null ? null : String(value));
  else column.push(value === null ? Number.NaN : Number(value));
}
