import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import type { GroupSums } from '../../stats/grouped-mean.ts';
import { type Moments, NO_MOMENTS, withValue } from '../../stats/moments.ts';
import { countedPredictions, FIRST_PREDICTION, predictionTable } from '../online/prediction-table.ts';
import { CallerGroups } from './caller-groups.ts';
import { lossOf } from './success.ts';

/** Losses of both versions on the requests that champion and shadow scored. */
export interface ShadowPairs {
  /** Requests that both scored, with a label or without. */
  readonly requests: number;
  /** Losses of the champion on those with a label. */
  readonly champion: Moments;
  /** Loss of the candidate less that of the champion, on the same request. */
  readonly difference: Moments;
  /** Sums of the differences by group of callers. */
  readonly groups: GroupSums;
}

/** Columns of the query before those of the label. */
const PAIR_COLUMNS = 5;

/**
 * The pairs of a rollout's shadow, from the published history: the difference on one request has no noise of which request it was.
 * A label that came after the shadow counts too. Null: no request was scored by both.
 */
export async function shadowPairs(
  model: ModelData,
  history: OfflineStore,
  { id, plan }: Pick<Rollout, 'id' | 'plan'>,
  now: number,
): Promise<ShadowPairs | null> {
  const label = labelJoin(model.label, history, now);
  const relation = history.relation(predictionTable(model));
  const shadowed = `rollout = '${id.replaceAll("'", "''")}' AND lane = 'shadow'`;
  const answers = `
    SELECT a."id" AS _id, a."at" AS _at, a.score AS champion, s.score AS candidate, s.caller_group
    FROM (${countedPredictions(model, history, { from: null, to: null, idsOf: shadowed })}) AS a
    JOIN (
      SELECT "id", "at", score, caller_group FROM ${relation} WHERE ${shadowed}
      QUALIFY ROW_NUMBER() OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION}) = 1
    ) AS s ON s."id" = a."id"
    QUALIFY ROW_NUMBER() OVER (PARTITION BY a."id" ORDER BY abs(a."at" - s."at"), a."at") = 1`;
  const loss = lossOf(
    plan.success?.metric ?? (model.task === 'binary' ? 'log_loss' : 'absolute_error'),
    model.quantile,
  );
  let [requests, champion, difference] = [0, NO_MOMENTS, NO_MOMENTS];
  const groups = new CallerGroups();
  for await (const rows of history.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      requests += 1;
      const { value } = label.read(row.slice(PAIR_COLUMNS), Number(row[1]));
      if (value === null) continue;
      const own = loss(Number(row[2]), value);
      const more = loss(Number(row[3]), value) - own;
      champion = withValue(champion, own);
      difference = withValue(difference, more);
      groups.add(row[4] === null ? null : Number(row[4]), more);
    }
  }
  return requests === 0 ? null : { requests, champion, difference, groups: groups.sums() };
}
