import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import type { Rollout } from '../../ports/rollout-store.ts';
import { labelJoin } from '../../registry/labels.ts';
import { countedPredictions, predictionTable } from '../../serving/online/prediction-table.ts';
import type { RecentCalls } from '../../serving/rollout/rollout-needs.ts';
import { lossOf } from '../../serving/rollout/success.ts';
import { NO_MOMENTS, withValue } from '../../stats/moments.ts';

/** Span before now whose calls say how many come. */
const RECENT_MS = 7 * 86_400_000;

/** Columns of the query before those of the label. */
const COLUMNS = 3;

/** The calls of a model in the last week, and the losses of its answers, from the published history. */
export async function recentCalls(
  model: ModelData,
  offline: OfflineStore,
  { plan }: Pick<Rollout, 'plan'>,
  now: number,
): Promise<RecentCalls> {
  let [calls, first, decided, labelled, loss] = [0, now, 0, 0, NO_MOMENTS];
  if (offline.tables().every(({ table }) => table.name !== predictionTable(model).name))
    return { spanMs: 0, calls, labelledShare: null, loss };
  const label = labelJoin(model.label, offline, now);
  const counted = countedPredictions(model, offline, { from: now - RECENT_MS, to: now });
  const lossAt = lossOf(plan.success?.metric ?? 'squared_error', model.quantile);
  for await (const rows of offline.query(label.wrap.sql(`SELECT "id" AS _id, "at" AS _at, score FROM (${counted})`))) {
    for (const row of rows) {
      const at = Number(row[1]);
      const { state, value } = label.read(row.slice(COLUMNS), at);
      calls += 1;
      first = Math.min(first, at);
      if (state !== 'pending') decided += 1;
      if (value === null) continue;
      labelled += 1;
      loss = withValue(loss, lossAt(Number(row[2]), value));
    }
  }
  return { spanMs: now - first, calls, labelledShare: decided === 0 ? null : Math.min(1, labelled / decided), loss };
}
