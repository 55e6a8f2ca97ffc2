import type { ModelData } from '../../features/define/declaration.ts';
import { type LabelCounts, NO_LABELS, withLabel } from '../../model/label-maturity.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions } from '../../serving/online/prediction-table.ts';
import { CallerGroups } from '../../serving/rollout/caller-groups.ts';
import { shadowPairs } from '../../serving/rollout/shadow-pairs.ts';
import { type CohortOutcomes, lossOf, type Outcomes } from '../../serving/rollout/success.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';

/** Columns of the query before those of the label. */
const PREDICTION_COLUMNS = 5;

/**
 * Losses of the canary's and the baseline's predictions, and of the pairs of the shadow, from the history alone: every process that asks finds the same,
 * whichever made them. One whose label can still come at `now` has none.
 */
export async function rolloutOutcomes(
  model: ModelData,
  offline: OfflineStore,
  { id, plan }: Pick<Rollout, 'id' | 'plan'>,
  now: number,
): Promise<Outcomes> {
  const label = labelJoin(model.label, offline, now);
  const text = `'${id.replaceAll("'", "''")}'`;
  const compared = `rollout = ${text} AND lane IN ('canary', 'baseline')`;
  const counted = countedPredictions(model, offline, { from: null, to: null, idsOf: compared });
  const answers = `SELECT "id" AS _id, "at" AS _at, lane, score, caller_group FROM (${counted}) WHERE ${compared}`;
  const loss = lossOf(plan.success?.metric ?? 'squared_error', model.quantile);
  const found = { canary: new Cohort(), baseline: new Cohort() };
  for await (const rows of offline.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      const { state, value } = label.read(row.slice(PREDICTION_COLUMNS), Number(row[1]));
      const cohort = row[2] === 'canary' ? found.canary : found.baseline;
      cohort.labels = withLabel(cohort.labels, state);
      if (value !== null) cohort.add(loss(Number(row[3]), value), row[4] === null ? null : Number(row[4]));
    }
  }
  const pairs = plan.shadowMs > 0 ? await shadowPairs(model, offline, { id, plan }, now) : null;
  return { canary: found.canary.outcomes(), baseline: found.baseline.outcomes(), pairs };
}

class Cohort {
  labels: LabelCounts = NO_LABELS;
  #loss: Moments = NO_MOMENTS;
  readonly #groups = new CallerGroups();

  add(loss: number, group: number | null): void {
    this.#loss = withValue(this.#loss, loss);
    this.#groups.add(group, loss);
  }

  outcomes(): CohortOutcomes {
    return { predictions: this.labels.predictions, labels: this.labels, loss: this.#loss, groups: this.#groups.sums() };
  }
}
