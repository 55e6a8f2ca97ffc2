import { fail } from '../../base/errors/fail.ts';
import type { LaneCommit, LanePosition } from '../../ports/stream-lanes.ts';
import type { FetchedRecord, RecordToSend } from './record.ts';

/**
 * The position of a partition of a lane, as a Kafka record in the transaction of its outputs.
 *
 * ```
 * key     = "position"                       ; compaction keeps the newest one
 * value   = state                            ; as the stream encoded it
 * headers = 1*1(format)
 * format  = "headrace.position.1" next       ; the name has the version; next: offset of the input, decimal digits
 * ```
 */
const FORMAT = 1;
const FORMAT_NAME = Buffer.from(`headrace.position.${FORMAT}`);
const KEY = Buffer.from('position');

export function encodePosition(topic: string, partition: number, { next, state, records }: LaneCommit): RecordToSend {
  return {
    topic,
    partition,
    key: KEY,
    value: Buffer.from(state),
    timestamp: BigInt(records.at(-1)?.ingestTs ?? Date.now()),
    headers: new Map([[FORMAT_NAME, Buffer.from(String(next))]]),
  };
}

/** Error: STREAM_RECORD. */
export function decodePosition(topic: string, { value, headers }: FetchedRecord): LanePosition {
  const text = headers.find(([name]) => name?.equals(FORMAT_NAME))?.[1]?.toString('latin1');
  const next = Number(text);
  if (value === null || text === undefined || !Number.isSafeInteger(next) || next < 0)
    throw fail('STREAM_RECORD', { topic, reason: 'it is no position of a lane' });
  return { next, state: value };
}
