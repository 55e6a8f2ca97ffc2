import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';

/** A prediction: its instant and its loss, squared for a probability, absolute for a number; null: its label is not known. */
export interface RealisedLoss {
  readonly at: number;
  readonly loss: number | null;
}

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * Predictions of a version in [from, to), in the order of their instants, with the losses that are known at `now`: a declared
 * `otherwise` counts once no label can come. An id that is asked again before its label's time is over counts once. Rows come in
 * batches: no more than one is in memory.
 */
export async function* realisedLosses(
  model: ModelData,
  history: Pick<OfflineStore, 'query' | 'relation'>,
  version: number,
  { from, to }: { readonly from: number; readonly to: number },
  now: number,
): AsyncGenerator<readonly RealisedLoss[]> {
  const { withinMs } = model.label;
  const label = labelJoin(model.label, history, now);
  // Rows of one label's time before say which ids were asked already.
  const answers = `
    SELECT "id" AS _id, "at" AS _at, "version", score FROM ${history.relation(predictionTable(model))}
    WHERE ${ANSWERED} AND "at" >= CAST(${from - withinMs} AS BIGINT) AND "at" < CAST(${to} AS BIGINT)
    QUALIFY COALESCE("at" - LAG("at") OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) > CAST(${withinMs} AS BIGINT), TRUE)`;
  const span = `SELECT * FROM (${answers}) WHERE _at >= CAST(${from} AS BIGINT) AND "version" = ${version}`;
  for await (const rows of history.query(label.wrap.sql(span)))
    yield rows.map((row) => {
      const at = Number(row[1]);
      const value = label.read(row.slice(PREDICTION_COLUMNS), at);
      if (value === null) return { at, loss: null };
      const gap = Number(row[3]) - value;
      return { at, loss: model.task === 'binary' ? gap * gap : Math.abs(gap) };
    });
}
