import type { HeadraceError } from '../base/errors/fail.ts';

/** The value of a record, read: an event as parsed JSON is, which may still not fit its source; or no event at all. */
export type ReadRecord =
  | { readonly kind: 'event'; readonly event: unknown }
  /** `payload`: the begin of the value as text, for people. */
  | { readonly kind: 'refused'; readonly payload: string; readonly error: HeadraceError };

/**
 * How the values of a topic's records are written.
 *
 * Rules:
 *  1. there is one answer for each value, in their order;
 *  2. a value that is no event is refused by itself, with a coded error, and changes no other answer;
 *  3. `read` fails only for a cause that passes, such as a registry that is away: it has read nothing, and may be called again;
 *  4. time and memory are linear in the bytes of the values, whatever the bytes are;
 *  5. an abort ends a `read` that waits.
 */
export interface RecordFormat {
  read(values: readonly Uint8Array[], signal: AbortSignal): Promise<readonly ReadRecord[]>;
}
