import type { LogRecord } from '../../ports/event-log.ts';
import type { Value } from '../../schema/column.ts';

export interface CallerOptions {
  /** A request from a record's payload. Throws if the payload is not one. */
  readonly requestOf: (payload: Uint8Array) => Readonly<Record<string, Value>>;
}

/**
 * The caller of a record, as a rollout sees it online: the value of the request's column, or the record's id where that is null. null: the
 * record has none.
 */
export function callerOf(
  { id, payload, foreign }: LogRecord,
  column: string | null,
  { requestOf }: CallerOptions,
): string | null {
  if (id === '' || foreign !== undefined) return null;
  if (column === null) return id;
  try {
    const value = requestOf(payload)[column] ?? null;
    return value === null ? null : String(value);
  } catch {
    return null;
  }
}
