import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Admission } from '../../features/engine/admission.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { DeliveryRows } from '../ingest/source-rows.ts';
import { idsFrom } from './ids-from.ts';
import { readDeliveries, type TakeDeliveries } from './log-cursor.ts';

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
  const remember: TakeDeliveries = (partition, offset, deliveries) => {
    for (const [i, delivery] of deliveries.entries())
      if (!isBlank(delivery)) admission.remember(delivery, partition, offset + i);
  };
  await readDeliveries(log, source, rows, from, remember, next);
  return lastIngestTs;
}
