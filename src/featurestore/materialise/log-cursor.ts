import { isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';
import type { Position } from '../../ports/position.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { DeliveryRows } from '../ingest/source-rows.ts';

/** Records read from the log at once. */
const READ_BATCH = 2_000;

/** Takes deliveries of one partition in log order, `offset` being that of the first. */
export type TakeDeliveries = (
  partition: number,
  offset: number,
  deliveries: readonly Delivery[],
) => MaybePromise<unknown>;

/** Called with a record that nobody can read, and why. */
export type TellUnreadable = (partition: number, offset: number, payload: Uint8Array, reason: string) => void;

/**
 * Reads a source's partitions from the given offsets up to `to` (exclusive), or until the log has no further record. In
 * a log that others write too, an unreadable record is a blank delivery, which `tell` reports.
 */
export async function readDeliveries(
  log: EventLog,
  source: EventSourceData,
  rows: DeliveryRows,
  from: readonly number[],
  take: TakeDeliveries,
  to?: readonly number[],
  tell: TellUnreadable = () => undefined,
): Promise<void> {
  const topic = topicOf(source);
  const deliveryOf = log.capabilities.manyWriters ? tolerant(rows, tell) : (record: LogRecord) => decoded(rows, record);
  for (let partition = 0; partition < from.length; partition += 1) {
    const end = to?.[partition] ?? Number.POSITIVE_INFINITY;
    for (let offset = from[partition]; offset < end; ) {
      const batch = await log.read(topic, partition, offset, Math.min(READ_BATCH, end - offset));
      const deliveries = batch.records.map((record, i) => deliveryOf(record, partition, batch.offset + i));
      const taken = take(partition, batch.offset, deliveries);
      if (taken instanceof Promise) await taken;
      offset = batch.offset + deliveries.length;
      if (deliveries.length === 0) break;
    }
  }
}

function decoded({ decode }: DeliveryRows, { id, ts, ingestTs, payload }: LogRecord): Delivery {
  return { id, ts, ingestTs, row: id === '' ? [] : decode(payload) };
}

/** As above; what cannot be read is blank. */
function tolerant(rows: DeliveryRows, tell: TellUnreadable) {
  return (record: LogRecord, partition: number, offset: number): Delivery => {
    const { ingestTs, payload, foreign } = record;
    if (foreign !== undefined) tell(partition, offset, payload, foreign);
    try {
      return decoded(rows, record);
    } catch (error) {
      if (!isHeadraceError(error)) throw error;
      tell(partition, offset, payload, error.message);
      return { id: '', ts: 0, ingestTs, row: [] };
    }
  };
}

/** Offsets of a source in a position; those of `begins` where the position does not know the source. */
export function offsetsOf(position: Position | null, source: EventSourceData, begins: readonly number[]): number[] {
  return [...(position?.[topicOf(source)] ?? begins)];
}
