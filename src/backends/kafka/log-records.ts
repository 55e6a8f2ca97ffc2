import type { LogRecord } from '../../ports/event-log.ts';
import type { FetchedRecord } from './record.ts';

/** A record of another writer: it does not count, and keeps its offset. */
export function foreignRecord({ value }: FetchedRecord, ingestTs: number): LogRecord {
  const payload = value ?? new Uint8Array();
  return { id: '', ts: 0, ingestTs, payload, foreign: 'it is no record of this log' };
}

/** Others stamp what they like; a time to come would keep our own events out. */
export function notAhead(ingestTs: number): number {
  return Math.min(ingestTs, Date.now());
}

/** Bytes of a record besides its key and value: lengths, times, the header. */
export const RECORD_OVERHEAD = 64;
