import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';

/** A judged prediction: its instant and its loss, squared for a probability, absolute for a number. */
export interface RealisedLoss {
  readonly at: number;
  readonly loss: number;
}

export interface RealisedLosses {
  /** By instant of prediction. */
  readonly losses: readonly RealisedLoss[];
  readonly predictions: number;
}

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/** Losses of a version's predictions of [from, to) whose label is known at `now`: a declared `otherwise` counts once no label can come. */
export async function realisedLosses(
  model: ModelData,
  history: OfflineStore,
  version: number,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): Promise<RealisedLosses> {
  const label = labelJoin(model.label, history, now);
  const answers = `
    SELECT "id" AS _id, "at" AS _at, "version", score FROM ${history.relation(predictionTable(model))} WHERE ${ANSWERED}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const span = `SELECT * FROM (${answers}) WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT) AND "version" = ${version}`;
  const losses: RealisedLoss[] = [];
  let predictions = 0;
  for await (const rows of history.query(label.wrap.sql(span))) {
    for (const row of rows) {
      predictions += 1;
      const at = Number(row[1]);
      const value = label.read(row.slice(PREDICTION_COLUMNS), at);
      if (value === null) continue;
      const gap = Number(row[3]) - value;
      losses.push({ at, loss: model.task === 'binary' ? gap * gap : Math.abs(gap) });
    }
  }
  losses.sort((a, b) => a.at - b.at);
  return { losses, predictions };
}
