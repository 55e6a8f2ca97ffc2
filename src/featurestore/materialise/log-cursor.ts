import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { EventLog } from '../../ports/event-log.ts';
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

/** Reads a source's partitions from the given offsets up to what `to` says (exclusive), or until the log gives no more. */
export async function readDeliveries(
  log: EventLog,
  source: EventSourceData,
  { decode }: DeliveryRows,
  from: readonly number[],
  take: TakeDeliveries,
  to?: readonly number[],
): Promise<void> {
  const topic = topicOf(source);
  for (let partition = 0; partition < from.length; partition += 1) {
    const end = to?.[partition] ?? Number.POSITIVE_INFINITY;
    for (let offset = from[partition]; offset < end; ) {
      const batch = await log.read(topic, partition, offset, Math.min(READ_BATCH, end - offset));
      const deliveries = batch.records.map(
        ({ id, ts, ingestTs, payload }): Delivery => ({
          id,
          ts,
          ingestTs,
          row: id === '' ? [] : decode(payload),
        }),
      );
      const taken = take(partition, batch.offset, deliveries);
      if (taken instanceof Promise) await taken;
      offset = batch.offset + deliveries.length;
      if (deliveries.length === 0) break;
    }
  }
}

/** Offsets of a source in a position; those of `begins` where the position does not know the source. */
export function offsetsOf(position: Position | null, source: EventSourceData, begins: readonly number[]): number[] {
  return [...(position?.[topicOf(source)] ?? begins)];
}
