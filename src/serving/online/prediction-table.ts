import type { ModelData } from '../../features/define/declaration.ts';
import { type AwaitedLabel, awaitedMs } from '../../model/label-maturity.ts';
import type { OfflineStore, OfflineTable, OfflineValue } from '../../ports/offline-store.ts';
import type { LoggedPrediction } from './prediction.ts';

/**
 * The table of a model's predictions. `served_at` and the place in the log are null in rows from before predictions were
 * logged; the place is that of the log which the row came from first. `lane` and `rollout` are null where the champion answered and
 * nothing was compared with it. `caller_group`
 * is null there too, and where the caller is unknown.
 */
export function predictionTable(model: Pick<ModelData, 'name'>): OfflineTable {
  return {
    name: `predictions/${model.name}`,
    columns: {
      id: 'STRING',
      at: 'BIGINT',
      version: 'BIGINT',
      score: 'DOUBLE',
      streaming_age: 'BIGINT',
      batch_age: 'BIGINT',
      missing: 'BIGINT',
      served_at: 'BIGINT',
      log_partition: 'BIGINT',
      log_offset: 'BIGINT',
      lane: 'STRING',
      rollout: 'STRING',
      caller_group: 'BIGINT',
    },
  };
}

/** SQL of the predictions that were answered: a shadow answered nobody. */
export const ANSWERED = `lane IS DISTINCT FROM 'shadow'`;

/** SQL order in which predictions under one id came: the first counts. */
export const FIRST_PREDICTION = 'served_at NULLS FIRST, log_offset, "at", "version"';

/** The predictions of a span. */
export interface CountedSpan {
  /** Epoch ms; null: no bound. */
  readonly from: number | null;
  /** Exclusive. */
  readonly to: number | null;
  /** SQL condition: only predictions under the ids of rows that meet it; left out: all. */
  readonly idsOf?: string;
}

/**
 * SQL of the predictions that count, with all their columns: those that were answered, each id once. An id that is asked again
 * while a label of its earlier prediction can still come is no new prediction; the label join counts the same ones as they come.
 */
export function countedPredictions(
  model: Pick<ModelData, 'name'> & { readonly label: AwaitedLabel },
  history: Pick<OfflineStore, 'relation'>,
  { from, to, idsOf }: CountedSpan,
): string {
  const waits = awaitedMs(model.label);
  const relation = history.relation(predictionTable(model));
  const bounds = [
    ANSWERED,
    // Rows of one waiting time before say which ids were asked already.
    ...(from === null ? [] : [`"at" >= CAST(${Math.floor(from) - waits} AS BIGINT)`]),
    ...(to === null ? [] : [`"at" < CAST(${Math.ceil(to)} AS BIGINT)`]),
    ...(idsOf === undefined ? [] : [`"id" IN (SELECT "id" FROM ${relation} WHERE ${idsOf})`]),
  ];
  const earlier = `OVER (PARTITION BY "id" ORDER BY ${FIRST_PREDICTION} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
  return `
    SELECT * FROM (
      SELECT * FROM ${relation} WHERE ${bounds.join(' AND ')}
      QUALIFY COALESCE("at" - MAX("at") ${earlier} > CAST(${waits} AS BIGINT), TRUE)
    )${from === null ? '' : ` WHERE "at" >= CAST(${Math.ceil(from)} AS BIGINT)`}`;
}

/** The row of a prediction that stands at a place of the log. */
export function predictionRow(prediction: LoggedPrediction, partition: number, offset: number): OfflineValue[] {
  const { id, at, version, score, streamingAgeMs, batchAgeMs, missing, servedAt, rollout } = prediction;
  const [lane, of, group] = [rollout?.lane ?? null, rollout?.id ?? null, rollout?.group ?? null];
  return [id, at, version, score, streamingAgeMs, batchAgeMs, missing, servedAt, partition, offset, lane, of, group];
}

/** The name under which the place of a model's predictions is kept. */
export function predictionWriter({ name }: Pick<ModelData, 'name'>): string {
  return `predictions/${name}`;
}
