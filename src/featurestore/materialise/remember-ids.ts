import { inSlices } from '../../base/in-slices.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Admission } from '../../features/engine/admission.ts';
import { isBlank } from '../../features/engine/delivery.ts';
import type { EventLog, SeeHead } from '../../ports/event-log.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { DeliveryRows } from '../ingest/source-rows.ts';
import { idsFrom } from './ids-from.ts';
import { isBlankRecord, readDeliveries, readRecords, type TakeDeliveries, type TakeRecords } from './log-cursor.ts';

/** Ids that are remembered in one step. */
const HEADS_AT_ONCE = 1_000;

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
  } else if (log.eachHead === undefined) {
    const remember: TakeRecords = (partition, offset, records) => {
      for (let i = 0; i < records.length; i += 1)
        if (!isBlankRecord(records[i])) admission.remember(records[i], partition, offset + i);
    };
    await readRecords(log, topic, from, remember, next);
  } else await inSlices(headsRemembered(log, topic, from, admission, next));
  return lastIngestTs;
}

/** Remembers ids without a text of each; a step takes some of them. */
function* headsRemembered(
  log: EventLog,
  topic: string,
  from: readonly number[],
  admission: Admission,
  to: readonly number[],
): Generator<void> {
  for (let partition = 0; partition < from.length; partition += 1) {
    const see: SeeHead = (head, offset) => {
      if (head.idTo > head.idFrom) admission.rememberBytes(head, partition, offset);
    };
    for (let offset = from[partition]; offset < to[partition]; ) {
      const span = { from: offset, to: to[partition], least: HEADS_AT_ONCE };
      const seen = log.eachHead?.(topic, partition, span, see) ?? 0;
      if (seen === 0) break;
      offset += seen;
      yield;
    }
  }
}
