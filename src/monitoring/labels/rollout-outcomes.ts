import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { lossOf, type Outcomes } from '../../serving/rollout/success.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 4;

/**
 * Losses of the canary's and the baseline's predictions, from the history alone: every process that asks finds the same,
 * whichever made them. Of several predictions under one id the first that was answered counts; one whose label can still
 * come by `now` has none.
 */
export async function rolloutOutcomes(
  model: ModelData,
  offline: OfflineStore,
  { id, plan }: Pick<Rollout, 'id' | 'plan'>,
  now: number,
): Promise<Outcomes> {
  const label = labelJoin(model.label, offline, now);
  const text = `'${id.replaceAll("'", "''")}'`;
  const answers = `
    SELECT "id" AS _id, "at" AS _at, lane, score FROM ${offline.relation(predictionTable(model))}
    WHERE rollout = ${text} AND lane IN ('canary', 'baseline')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const loss = lossOf(plan.success?.metric ?? 'squared_error', model.quantile);
  const found = { canary: new Cohort(), baseline: new Cohort() };
  for await (const rows of offline.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      const value = label.read(row.slice(PREDICTION_COLUMNS), Number(row[1]));
      const cohort = row[2] === 'canary' ? found.canary : found.baseline;
      cohort.predictions += 1;
      if (value !== null) cohort.loss = withValue(cohort.loss, loss(Number(row[3]), value));
    }
  }
  return { canary: { ...found.canary }, baseline: { ...found.baseline } };
}

class Cohort {
  predictions = 0;
  loss: Moments = NO_MOMENTS;
}
