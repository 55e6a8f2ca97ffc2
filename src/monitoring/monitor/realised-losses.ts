import type { ModelData } from '../../features/define/declaration.ts';
import { servedTable } from '../../features/plan/served-table.ts';
import type { LabelState } from '../../model/label-maturity.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';

/** A prediction: its instant and score, the state of its label and the label, and its loss, squared for a probability, absolute for a number; null: its label is not known. */
export interface RealisedLoss {
  readonly at: number;
  readonly score: number;
  readonly state: LabelState;
  readonly label: number | null;
  readonly loss: number | null;
  /** Of its logged vector, the values of the features that were asked for; null: not known. */
  readonly values: readonly (string | null)[];
}

/** The predictions that are read. */
export interface LossesAsked {
  readonly model: ModelData;
  readonly version: number;
  readonly from: number;
  readonly to: number;
  readonly now: number;
  /** Features whose values come with each loss. */
  readonly slices?: readonly string[];
}

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * Predictions of a version in [from, to), in the order of their instants, with the losses that are known at `now`. Rows come in
 * batches: no more than one is in memory.
 */
export async function* realisedLosses(
  history: Pick<OfflineStore, 'query' | 'relation'>,
  { model, version, from, to, now, slices = [] }: LossesAsked,
): AsyncGenerator<readonly RealisedLoss[]> {
  const label = labelJoin(model.label, history, now);
  const counted = countedPredictions(model, history, { from, to });
  const own = `SELECT "id" AS _id, "at" AS _at, "version", score FROM (${counted}) WHERE "version" = ${version}`;
  const span = slices.length === 0 ? own : withVectors(own, history, model, slices);
  for await (const rows of history.query(label.wrap.sql(span)))
    yield rows.map((row) => {
      const at = Number(row[1]);
      const values = slices.map((_, i) => textOf(row[PREDICTION_COLUMNS + i]));
      const score = Number(row[3]);
      const { state, value } = label.read(row.slice(PREDICTION_COLUMNS + slices.length), at);
      if (value === null) return { at, score, state, label: null, loss: null, values };
      const gap = score - value;
      return { at, score, state, label: value, loss: model.task === 'binary' ? gap * gap : Math.abs(gap), values };
    });
}

/** The predictions with features of their logged vectors: null where none is logged. */
function withVectors(
  answers: string,
  history: Pick<OfflineStore, 'relation'>,
  { service }: ModelData,
  slices: readonly string[],
): string {
  const columns = slices.map((name) => `"f_${name.replaceAll('"', '""')}"`);
  const vectors = `SELECT _id AS s_id, ${columns.map((column, i) => `${column} AS s_${i}`).join(', ')} FROM ${history.relation(servedTable(service))}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY _id ORDER BY _at) = 1`;
  return `SELECT p._id, p._at, p."version", p.score, ${slices.map((_, i) => `s_${i}`).join(', ')}
    FROM (${answers}) AS p LEFT JOIN (${vectors}) AS s ON s_id = p._id`;
}

function textOf(value: OfflineValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
