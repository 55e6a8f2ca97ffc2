import type { LogRecord } from '../../ports/event-log.ts';

/**
 * A delivery as a Kafka record.
 *
 * ```
 * key       = id                      ; UTF-8: one id is always on one partition
 * value     = payload                 ; the row as the gateway encoded it
 * timestamp = ingest time             ; epoch ms, CreateTime
 * headers   = 1*1(format)
 * format    = "headrace.1" ts         ; the name has the version; ts: event time, epoch ms, decimal digits
 * ```
 */
export const FORMAT = 'headrace.1';
const FORMAT_NAME = Buffer.from(FORMAT);

/** A record for the producer. */
export interface RecordToSend {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly timestamp: bigint;
  readonly headers: Map<Buffer, Buffer>;
}

/** A fetched record. */
export interface FetchedRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

export function encodeRecord(topic: string, partition: number, record: LogRecord): RecordToSend {
  const { payload } = record;
  return {
    topic,
    partition,
    key: Buffer.from(record.id),
    value: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    timestamp: BigInt(record.ingestTs),
    headers: new Map([[FORMAT_NAME, Buffer.from(String(record.ts))]]),
  };
}

/** The delivery of a record; null if it does not have this format. */
export function decodeRecord({ key, value, headers }: FetchedRecord, ingestTs: number): LogRecord | null {
  const format = headers.find(([name]) => name?.equals(FORMAT_NAME));
  const ts = Number(format?.[1]?.toString('latin1'));
  if (key === null || value === null || format === undefined || !Number.isSafeInteger(ts)) return null;
  return { id: key.toString('utf8'), ts, ingestTs, payload: value };
}
