import type { ModelData } from '../../features/define/declaration.ts';
import type { OfflineTable, OfflineValue } from '../../ports/offline-store.ts';
import type { LoggedPrediction } from './prediction.ts';

/**
 * The table of a model's predictions. `served_at` and the place in the log are null in rows from before predictions were
 * logged; the place is that of the log which the row came from first.
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
    },
  };
}

/** SQL order in which predictions under one id came: the first counts. */
export const FIRST_PREDICTION = 'served_at NULLS FIRST, log_offset, "at", "version"';

/** The row of a prediction that stands at a place of the log. */
export function predictionRow(prediction: LoggedPrediction, partition: number, offset: number): OfflineValue[] {
  const { id, at, version, score, streamingAgeMs, batchAgeMs, missing, servedAt } = prediction;
  return [id, at, version, score, streamingAgeMs, batchAgeMs, missing, servedAt, partition, offset];
}

/** The name under which the place of a model's predictions is kept. */
export function predictionWriter({ name }: Pick<ModelData, 'name'>): string {
  return `predictions/${name}`;
}
