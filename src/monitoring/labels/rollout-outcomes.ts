import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { FIRST_PREDICTION, predictionTable } from '../../serving/online/prediction-table.ts';
import { CallerGroups } from '../../serving/rollout/caller-groups.ts';
import { type CohortOutcomes, lossOf, type Outcomes } from '../../serving/rollout/success.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 5;

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
    SELECT "id" AS _id, "at" AS _at, lane, score, caller_group FROM ${offline.relation(predictionTable(model))}
    WHERE rollout = ${text} AND lane IN ('canary', 'baseline')
    QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1`;
  const loss = lossOf(plan.success?.metric ?? 'squared_error', model.quantile);
  const found = { canary: new Cohort(), baseline: new Cohort() };
  for await (const rows of offline.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      const value = label.read(row.slice(PREDICTION_COLUMNS), Number(row[1]));
      const cohort = row[2] === 'canary' ? found.canary : found.baseline;
      cohort.predictions += 1;
      if (value !== null) cohort.add(loss(Number(row[3]), value), row[4] === null ? null : Number(row[4]));
    }
  }
  return { canary: found.canary.outcomes(), baseline: found.baseline.outcomes() };
}

class Cohort {
  predictions = 0;
  #loss: Moments = NO_MOMENTS;
  readonly #groups = new CallerGroups();

  add(loss: number, group: number | null): void {
    this.#loss = withValue(this.#loss, loss);
    this.#groups.add(group, loss);
  }

  outcomes(): CohortOutcomes {
    return { predictions: this.predictions, loss: this.#loss, groups: this.#groups.sums() };
  }
}
