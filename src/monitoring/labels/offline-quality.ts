import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';
import { RealisedQuality } from './realised-quality.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * The realised quality of a model from the history alone, as it is known at `now`: the published predictions made in [from, to)
 * joined with the accepted events of the label source. It equals what {@link RealisedQuality} collected as they came.
 */
export async function offlineQuality(
  model: ModelData,
  offline: OfflineStore,
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): Promise<RealisedQuality> {
  const label = labelJoin(model.label, offline, now);
  const answers = countedPredictions(model, offline, { from, to });
  const span = `SELECT "id" AS _id, "at" AS _at, "version", score FROM (${answers})`;
  const quality = new RealisedQuality(model);
  for await (const rows of offline.query(label.wrap.sql(span))) {
    for (const row of rows) {
      const prediction = { at: Number(row[1]), version: Number(row[2]), score: Number(row[3]) };
      const { state, value } = label.read(row.slice(PREDICTION_COLUMNS), prediction.at);
      quality.predicted(prediction);
      if (value !== null) quality.judged({ ...prediction, label: value, assumed: state === 'assumed' });
      else if (state === 'unlabelled') quality.unlabelled(prediction);
    }
  }
  return quality;
}
