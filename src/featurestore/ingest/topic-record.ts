import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import type { ReadRecord, RecordFormat } from '../../ports/record-format.ts';
import { parseEventText } from '../../schema/row-parser.ts';

/** The default limit of a body of POST /v1/events. */
const MOST_RECORD_BYTES = 4 * 2 ** 20;

/** Characters that are kept, for inspection, of a record that is not an event. */
const SHOWN_BYTES = 8_000;

/** Values that are one event each, as JSON, numbers exact. */
export const jsonRecords: RecordFormat = { read: async (values) => values.map(parseRecord) };

/** The refusal of an oversized value, before its format is looked at; null for others. */
export function refusedSize(value: Uint8Array): ReadRecord | null {
  const bytes = value.byteLength;
  if (bytes <= MOST_RECORD_BYTES) return null;
  return refused(value, fail('TOPIC_RECORD_SIZE', { bytes, most: MOST_RECORD_BYTES }));
}

function parseRecord(value: Uint8Array): ReadRecord {
  try {
    return { kind: 'event', event: parseEventText(textOf(value)) };
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return refused(value, error);
  }
}

function refused(value: Uint8Array, error: HeadraceError): ReadRecord {
  return { kind: 'refused', payload: new TextDecoder().decode(value.subarray(0, SHOWN_BYTES)), error };
}

/** Bytes that are no UTF-8 would come out as other characters than were written. */
function textOf(value: Uint8Array): string {
  try {
    return strict.decode(value);
  } catch (cause) {
    throw fail('EVENT_JSON', { reason: 'the bytes are not UTF-8' }, cause);
  }
}

const strict = new TextDecoder('utf-8', { fatal: true });
