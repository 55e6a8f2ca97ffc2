import type { Entries } from './entries.ts';

/** The value of an entry that holds JSON; null: there is none. */
export function jsonEntry<T>(entries: Entries, key: Uint8Array): T | null {
  const bytes = entries.get(key);
  return bytes === undefined ? null : (JSON.parse(textOf(bytes)) as T);
}

/** A value as the JSON of an entry. */
export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The text of an entry. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
