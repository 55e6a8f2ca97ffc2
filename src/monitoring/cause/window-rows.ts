import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import type { ColumnValues } from '../../ports/table-file.ts';
import { frameFeatures, frameSql } from '../interop/monitoring-frame.ts';

/** Predictions of a version with the features of their logged vectors, one row each. */
export interface WindowRows {
  readonly features: ReadonlyMap<string, ColumnValues>;
  readonly at: Float64Array;
  readonly scores: Float64Array;
  /** NaN: not known. */
  readonly labels: Float64Array;
  /** Squared for a probability, absolute for a number; NaN without a label. */
  readonly losses: Float64Array;
}

/**
 * Rows that are read of a span: of more, an even sample by id. The standard error of a share of 50,000 rows is at most 0.0022, below the
 * differences between windows that an estimate has to see.
 */
const MOST_ROWS = 50_000;
/** Bytes of cells that are read of a span: rows with very many columns, or long texts, are fewer. */
export const MOST_BYTES = 64 * 2 ** 20;

/** Columns before the features. */
const OWN = 3;
const NUMBER_BYTES = 8;
const CHARACTER_BYTES = 2;

export interface ReadRowsOptions {
  readonly model: ModelData;
  readonly version: number;
  readonly span: { readonly from: number; readonly to: number };
  readonly now: number;
  /** Whether rows without a label are left out. */
  readonly labelled: boolean;
}

/** The predictions of a version in [from, to). */
export async function readRows(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  options: ReadRowsOptions,
): Promise<WindowRows> {
  const { model } = options;
  const features = frameFeatures(model);
  const isBinary = model.task === 'binary';
  const names = features.map(({ name }) => `, "${name.replaceAll('"', '""')}"`).join('');
  const sql = `SELECT ${isBinary ? 'y_pred_proba' : 'y_pred'}, y_true, epoch_ms("timestamp")${names} FROM ${framed(history, options)} ORDER BY hash(prediction_id), prediction_id LIMIT ${mostRows(features.length)}`;
  const own: readonly number[][] = [[], [], []];
  const columns = features.map((): unknown[] => []);
  const isText = features.map(({ type }) => type.type === 'text');
  for await (const rows of bounded(history.query(sql)))
    for (const row of rows) {
      for (const [c, values] of own.entries()) values.push(numberOf(row[c]));
      for (let c = 0; c < columns.length; c += 1)
        columns[c].push(isText[c] ? textOf(row[c + OWN]) : numberOf(row[c + OWN]));
    }
  const [scores, labels, at] = own.map((values) => Float64Array.from(values));
  const losses = scores.map((score, i) => (isBinary ? (score - labels[i]) ** 2 : Math.abs(score - labels[i])));
  return {
    features: new Map(
      features.map(({ name }, c) => [
        name,
        isText[c] ? (columns[c] as (string | null)[]) : Float64Array.from(columns[c] as number[]),
      ]),
    ),
    at,
    scores,
    labels,
    losses,
  };
}

/** How many rows `readRows` reads. */
export async function countRows(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  options: ReadRowsOptions,
): Promise<number> {
  let count = 0;
  for await (const rows of history.query(`SELECT COUNT(*) FROM ${framed(history, options)}`))
    for (const [found] of rows) count += Number(found);
  return Math.min(mostRows(frameFeatures(options.model).length), count);
}

function mostRows(features: number): number {
  return Math.min(MOST_ROWS, Math.floor(MOST_BYTES / (NUMBER_BYTES * (OWN + features))));
}

/** The first rows, as many as the bytes hold. They come in the order of their hashes, so that these are an even sample too. */
async function* bounded(
  batches: ReturnType<OfflineStore['query']>,
): AsyncGenerator<readonly (readonly OfflineValue[])[]> {
  let bytes = 0;
  for await (const rows of batches) {
    const over = rows.findIndex((row) => {
      bytes += bytesOf(row);
      return bytes > MOST_BYTES;
    });
    yield over < 0 ? rows : rows.slice(0, over);
    if (over >= 0) return;
  }
}

function bytesOf(row: readonly OfflineValue[]): number {
  let bytes = NUMBER_BYTES * row.length;
  for (const value of row) if (typeof value === 'string') bytes += CHARACTER_BYTES * value.length;
  return bytes;
}

function framed(
  history: Pick<OfflineStore, 'relation'>,
  { model, version, span, now, labelled }: ReadRowsOptions,
): string {
  const frame = frameSql(model, history, { kind: 'nannyml', ...span, now });
  return `(${frame}) WHERE version = ${version}${labelled ? ' AND y_true IS NOT NULL' : ''}`;
}

function textOf(value: OfflineValue): string | null {
  return value === null ? null : String(value);
}

function numberOf(value: OfflineValue): number {
  return value === null ? Number.NaN : Number(value);
}
