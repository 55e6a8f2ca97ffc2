import type { ModelData } from '../features/define/declaration.ts';
import type { OfflineStore } from '../ports/offline-store.ts';
import type { SeenPairs } from '../ports/playbook-store.ts';
import type { Rollout } from '../ports/rollout-store.ts';
import { labelJoin } from '../registry/labels.ts';
import { countedPredictions, FIRST_PREDICTION, predictionTable } from '../serving/online/prediction-table.ts';
import { CallerGroups } from '../serving/rollout/caller-groups.ts';
import { PRIOR_SD } from '../serving/rollout/compared-means.ts';
import { lossOf } from '../serving/rollout/success.ts';
import { type GroupSums, varianceOfMean } from '../stats/grouped-mean.ts';
import { mixtureSprt } from '../stats/mixture-sprt.ts';
import { type Moments, NO_MOMENTS, varianceOf, withValue } from '../stats/moments.ts';

/** Columns of the query before those of the label. */
const PAIR_COLUMNS = 5;

/** Chance that a difference is called certain where there is none, over all looks. */
const PAIRED_ALPHA = 0.05;

/**
 * Losses of both versions on the requests that champion and shadow scored, from the published history: the difference on one
 * request has no noise of which request it was. Null: no request was scored by both.
 */
export async function pairedLosses(
  model: ModelData,
  history: OfflineStore,
  { id, plan }: Pick<Rollout, 'id' | 'plan'>,
  now: number,
): Promise<SeenPairs | null> {
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
  let requests = 0;
  let moments: Moments = NO_MOMENTS;
  const groups = new CallerGroups();
  for await (const rows of history.query(label.wrap.sql(answers))) {
    for (const row of rows) {
      requests += 1;
      const { value } = label.read(row.slice(PAIR_COLUMNS), Number(row[1]));
      if (value === null) continue;
      const difference = loss(Number(row[3]), value) - loss(Number(row[2]), value);
      moments = withValue(moments, difference);
      groups.add(row[4] === null ? null : Number(row[4]), difference);
    }
  }
  return requests === 0 ? null : { requests, ...intervalOf(moments, groups.sums()) };
}

/**
 * The always-valid interval of a mean: the mixture test against a group that is exactly 0. `groups`: sums by group of
 * callers, whose requests are not independent; empty: they are.
 */
export function intervalOf(moments: Moments, groups: GroupSums = []): Omit<SeenPairs, 'requests'> {
  const { n, mean } = moments;
  const ofMean = varianceOfMean(moments, groups);
  if (n < 2 || !Number.isFinite(ofMean))
    return { labels: n, mean, low: Number.MIN_SAFE_INTEGER, high: Number.MAX_SAFE_INTEGER };
  const variance = varianceOf(moments);
  const tau2 = PRIOR_SD * PRIOR_SD * variance + (ofMean - variance / n);
  const { low, high } = mixtureSprt({
    na: n,
    nb: n,
    meanA: 0,
    meanB: mean,
    varA: 0,
    varB: ofMean * n,
    tau2,
    alpha: PAIRED_ALPHA,
  });
  return { labels: n, mean, low, high };
}
