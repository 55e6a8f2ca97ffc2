import type { MaybePromise } from '../../base/maybe-promise.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { Delivery } from '../../features/engine/delivery.ts';
import type { EventLog } from '../../ports/event-log.ts';
import type { Position } from '../../ports/position.ts';
import type { RowCodec } from '../../schema/row-codec.ts';
import { topicOf } from '../ingest/gateway.ts';

/** Records read from the log at once. */
const READ_BATCH = 2_000;

/** Takes deliveries of one partition in log order, `offset` being that of the first. */
export type TakeDeliveries = (
  partition: number,
  offset: number,
  deliveries: readonly Delivery[],
) => MaybePromise<unknown>;

/** Reads a source's partitions from the given offsets up to what `to` says (exclusive; the present ends if left out). */
export async function readDeliveries(
  log: EventLog,
  source: EventSourceData,
  { decode }: RowCodec,
  from: readonly number[],
  take: TakeDeliveries,
  to?: readonly number[],
): Promise<void> {
  const topic = topicOf(source);
  const ends = to ?? (await log.ends(topic)).map(({ end }) => end);
  for (let partition = 0; partition < ends.length; partition += 1) {
    for (let offset = from[partition]; offset < ends[partition]; ) {
      const batch = await log.read(topic, partition, offset, Math.min(READ_BATCH, ends[partition] - offset));
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
