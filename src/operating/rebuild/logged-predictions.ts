import type { ModelData } from '../../features/define/declaration.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { OfflineStore, OfflineValue } from '../../ports/offline-store.ts';
import { decodePrediction, predictionTopic } from '../../serving/online/prediction-record.ts';
import { predictionRow, predictionTable, predictionWriter } from '../../serving/online/prediction-table.ts';
import type { LoggedTable, LogSpan, Rows } from './logged-table.ts';

/** Records that are read from the log at once. */
const READ_BATCH = 2_000;

/** The predictions of a model as a logged table. */
export async function loggedPredictions(model: ModelData, log: EventLog, offline: OfflineStore): Promise<LoggedTable> {
  const topic = predictionTopic(model);
  const rows = (span: LogSpan) => predictionsOf(log, topic, span);
  return {
    table: predictionTable(model),
    topic,
    placeColumns: { partition: 'log_partition', offset: 'log_offset' },
    published: (await offline.position(predictionWriter(model)))?.[topic] ?? [],
    count: async (span) => {
      let count = 0;
      for await (const some of rows(span)) count += some.length;
      return count;
    },
    rows,
  };
}

async function* predictionsOf(log: EventLog, topic: string, { partition, from, to }: LogSpan): AsyncGenerator<Rows> {
  for (let at = from; at < to; ) {
    const { offset, records } = await log.read(topic, partition, at, Math.min(READ_BATCH, to - at));
    if (records.length === 0) return;
    yield records.flatMap((record, i) => rowOf(record, partition, offset + i));
    at = offset + records.length;
  }
}

/** None for a blank record, and for one of another program. */
function rowOf(record: LogRecord, partition: number, offset: number): readonly OfflineValue[][] {
  if (record.foreign !== undefined) return [];
  const prediction = decodePrediction(record);
  return prediction === null ? [] : [predictionRow(prediction, partition, offset)];
}
