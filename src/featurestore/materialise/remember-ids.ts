import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Admission } from '../../features/engine/admission.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { DeliveryRows } from '../ingest/source-rows.ts';
import { idsFrom } from './ids-from.ts';
import { isBlankRecord, readDeliveries, readRecords, type TakeDeliveries } from './log-cursor.ts';

/**
 * Refills the memory of ids from the log before the offsets that are read next, and gives the ingest time of the last
 * record before each of them (-Infinity where there is none).
 */
export async function rememberIds(
  log: EventLog,
  source: EventSourceData,
  rows: DeliveryRows,
  admission: Admission,
  next: readonly number[],
): Promise<number[]> {
  const topic = topicOf(source);
  const ends = await log.ends(topic);
  const lastIngestTs = next.map(() => Number.NEGATIVE_INFINITY);
  const from: number[] = [];
  for (let partition = 0; partition < next.length; partition += 1) {
    from[partition] = next[partition];
    if (next[partition] <= ends[partition].begin) continue;
    const { records } = await log.read(topic, partition, next[partition] - 1, 1);
    const [last] = records;
    if (last === undefined) continue;
    lastIngestTs[partition] = last.ingestTs;
    const place = { topic, partition, next: next[partition], begin: ends[partition].begin };
    from[partition] = await idsFrom(log, place, admission.memoryMs);
  }
  // Where others write, a record that cannot be read has no verdict: only its row says so.
  if (log.capabilities.manyWriters) {
    const remember: TakeDeliveries = (partition, offset, deliveries) => {
      for (let i = 0; i < deliveries.length; i += 1)
        if (!isBlank(deliveries[i])) admission.remember(deliveries[i], partition, offset + i);
    };
    await readDeliveries(log, source, rows, from, remember, next);
  } else
    await readRecords(
      log,
      topic,
      from,
      (partition, offset, records) => {
        for (let i = 0; i < records.length; i += 1)
          if (!isBlankRecord(records[i])) admission.remember(records[i], partition, offset + i);
      },
      next,
    );
  return lastIngestTs;
}
