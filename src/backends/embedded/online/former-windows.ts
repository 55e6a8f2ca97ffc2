import { partOf, putPart, WINDOWS } from './entity-records.ts';
import type { Entries, KeySpan } from './entries.ts';
import { FORMER_WINDOWS, ofFormerWindows } from './store-keys.ts';
import { numberViews } from './view-numbers.ts';

/** Whether stored windows have entries apart, as before format 3. */
export function hasFormerWindows(entries: Entries): boolean {
  return entries.keys(FORMER_WINDOWS, 1).length > 0;
}

/**
 * Moves the first windows of a span into the records of their keys, in one transaction. A commit that comes in between removes the
 * windows that it replaces, so none is older than those in a record. A process that is killed leaves the rest for the next one.
 * Gives where the next step begins; null at the end of the span. Errors: STORE_WRITE, STORE_CORRUPT.
 */
export function moveSome(entries: Entries, span: KeySpan, most: number): Uint8Array | null {
  return entries.write(() => {
    const found = entries.keys(span, most).map((entry) => ({ entry, ...ofFormerWindows(entry) }));
    const numbers = numberViews(
      entries,
      found.map(({ viewId }) => viewId),
    );
    for (const [i, { entry, place }] of found.entries()) {
      const windows = entries.get(entry);
      // The next get takes its memory.
      if (windows !== undefined) moveOne(entries, place, numbers[i], Uint8Array.from(windows));
      entries.remove(entry);
    }
    return found.length < most ? null : span.start;
  });
}

function moveOne(entries: Entries, place: Uint8Array, view: number, windows: Uint8Array): void {
  const record = entries.get(place);
  if (record !== undefined && partOf(record, view, WINDOWS) !== null) return;
  putPart(entries, place, { view, attempt: WINDOWS, content: windows });
}
