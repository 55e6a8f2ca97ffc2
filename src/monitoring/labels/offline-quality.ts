import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { ANSWERED, FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { RealisedQuality } from './realised-quality.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * The realised quality of a model from the history alone: the published predictions made in [from, to) joined with the
 * accepted events of the label source. Once all labels are in and their time is over it equals what {@link RealisedQuality}
 * collected as they came; before that, a declared `otherwise` already stands for a label that may still come. Of several
 * predictions under one id the first that was answered counts.
 */
export async function offlineQuality(
  model: ModelData,
  offline: OfflineStore,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<RealisedQuality> {
  const label = labelJoin(model.label, offline);
  const answers = `
    SELECT "id" AS _id, "at" AS _at, "version", score FROM ${offline.relation(predictionTable(model))} WHERE ${ANSWERED}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const span = `SELECT * FROM (${answers}) WHERE _at >= CAST(${from} AS BIGINT) AND _at < CAST(${to} AS BIGINT)`;
  const quality = new RealisedQuality(model);
  for await (const rows of offline.query(label.wrap.sql(span))) {
    for (const row of rows) {
      const prediction = { at: Number(row[1]), version: Number(row[2]), score: Number(row[3]) };
      const value = label.read(row.slice(PREDICTION_COLUMNS));
      quality.predicted(prediction);
      if (value !== null) quality.judged({ ...prediction, label: value });
    }
  }
  return quality;
}
