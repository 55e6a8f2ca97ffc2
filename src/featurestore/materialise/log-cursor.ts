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
  const deliveryOf = deliveryReader(log, rows, tell);
  const takeRecords: TakeRecords = (partition, offset, records) =>
    take(
      partition,
      offset,
      records.map((record, i) => deliveryOf(record, partition, offset + i)),
    );
  await readRecords(log, topicOf(source), from, takeRecords, to);
}

/** Reads a record as a delivery; in a log that others write too, one that cannot be read is blank, and reported. */
export function deliveryReader(
  log: EventLog,
  rows: DeliveryRows,
  tell: TellUnreadable,
): (record: LogRecord, partition: number, offset: number) => Delivery {
  return log.capabilities.manyWriters ? tolerant(rows, tell) : (record) => decoded(rows, record);
}

/** Takes records of one partition in log order, `offset` being that of the first. */
export type TakeRecords = (partition: number, offset: number, records: readonly LogRecord[]) => MaybePromise<unknown>;

/** Reads a topic's partitions as {@link readDeliveries} does, without their rows. */
export async function readRecords(
  log: EventLog,
  topic: string,
  from: readonly number[],
  take: TakeRecords,
  to?: readonly number[],
): Promise<void> {
  for (let partition = 0; partition < from.length; partition += 1) {
    const end = to?.[partition] ?? Number.POSITIVE_INFINITY;
    for (let offset = from[partition]; offset < end; ) {
      const batch = await log.read(topic, partition, offset, Math.min(READ_BATCH, end - offset));
      const taken = take(partition, batch.offset, batch.records);
      if (taken instanceof Promise) await taken;
      offset = batch.offset + batch.records.length;
      if (batch.records.length === 0) break;
    }
  }
}

/** Whether a record of a log with one writer is the place of a forgotten one. */
export function isBlankRecord({ id }: LogRecord): boolean {
  return id === '';
}

function decoded({ decode }: DeliveryRows, record: LogRecord): Delivery {
  const { id, ts, ingestTs, payload } = record;
  return { id, ts, ingestTs, row: isBlankRecord(record) ? [] : decode(payload) };
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
