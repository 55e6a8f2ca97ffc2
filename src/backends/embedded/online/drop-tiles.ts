import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound } from '../../../features/tile/tile-run.ts';
import { latestOfWindows } from '../../../features/window/stored-windows.ts';
import type { TileHorizon } from '../../../ports/online-store.ts';
import { type KeepsPart, keepParts, partOf, putPart, WINDOWS } from './entity-records.ts';
import type { Entries, KeySpan } from './entries.ts';
import { hopAndBlock, isBlockKey, isRecordKey, RECORDS, sweepKey, tilesOfView } from './store-keys.ts';
import { decodeBlock, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { ViewNumbers } from './view-numbers.ts';

/** The most entries that one transaction looks at: other writes wait that long, and no more than their keys are in memory. */
export const ENTRIES_AT_ONCE = 10_000;

/** Which tiles of a view are dropped. */
export interface TileSweep {
  readonly layout: TileLayout;
  readonly horizons: readonly TileHorizon[];
}

/**
 * Looks at the first entries of a span of a view and drops the tiles of each hop that end at or before its instant, and the stored
 * windows of keys that no window can reach, in one transaction, which also notes the place. Gives where the next step begins; null at the end of the span. Errors: STORE_WRITE,
 * STORE_CORRUPT.
 */
export function sweepSome(
  entries: Entries,
  { layout, horizons }: TileSweep,
  span: KeySpan,
  most = ENTRIES_AT_ONCE,
): Uint8Array | null {
  // Of a hop that is named twice the later instant counts.
  const before = new Map(
    horizons.toSorted((a, b) => a.endedBefore - b.endedBefore).map(({ hopMs, endedBefore }) => [hopMs, endedBefore]),
  );
  const unreached = Math.min(...layout.view.hopsMs.map((hopMs) => before.get(hopMs) ?? Number.NEGATIVE_INFINITY));
  return entries.write(() => {
    const view = new ViewNumbers(entries).of(layout.viewId, false);
    // Without a number no record has a part of it.
    const found = view === null && isRecordKey(span.start) ? [] : entries.keys(span, most);
    for (const entry of found) {
      if (!isBlockKey(entry)) {
        if (view !== null && isUnreachable(entries, entry, view, unreached))
          putPart(entries, entry, { view, attempt: WINDOWS, content: null });
        continue;
      }
      const { hopMs, block } = hopAndBlock(entry);
      const endedBefore = before.get(hopMs);
      if (endedBefore === undefined || block * TILES_PER_BLOCK * hopMs + hopMs > endedBefore) continue;
      if ((block + 1) * TILES_PER_BLOCK * hopMs <= endedBefore) entries.remove(entry);
      else dropFromBlock(entries, layout, hopMs, entry, endedBefore);
    }
    const next = found.length < most ? null : keyAfter(found[found.length - 1]);
    notePlace(entries, layout.viewId, next);
    return next;
  });
}

/** Whether all events of a key, by the stored windows of a view in its record, were before an instant. */
function isUnreachable(entries: Entries, entry: Uint8Array, view: number, before: number): boolean {
  const record = entries.get(entry);
  const windows = record === undefined ? null : partOf(record, view, WINDOWS);
  return windows !== null && (latestOfWindows(windows) ?? Number.POSITIVE_INFINITY) < before;
}

/**
 * The spans that a sweep of a view walks, its tiles and the records of keys: from the place where the last one stopped once
 * around. So a process that is killed repeatedly also reaches every key.
 */
export function spansOfSweep(entries: Entries, viewId: string): readonly KeySpan[] {
  const spans = [tilesOfView(viewId), RECORDS];
  const place = entries.get(sweepKey(viewId));
  // That of a former format may be among stored windows, which have moved.
  if (place === undefined || !(isBlockKey(place) || isRecordKey(place))) return spans;
  const cutAt = Uint8Array.from(place);
  const [first, second] = isBlockKey(cutAt) ? spans : spans.reverse();
  return [{ start: cutAt, end: first.end }, second, { start: first.start, end: cutAt }];
}

/** The least key after another. */
function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
}

function notePlace(entries: Entries, viewId: string, next: Uint8Array | null): void {
  const key = sweepKey(viewId);
  if (next !== null) entries.put(key, next);
  else if (entries.get(key) !== undefined) entries.remove(key);
}

/**
 * Drops the first entries of a span, in one transaction. Gives where the next step begins; null where none is left. Errors: STORE_WRITE,
 * STORE_CORRUPT.
 */
export function dropSome(entries: Entries, span: KeySpan, most = ENTRIES_AT_ONCE): Uint8Array | null {
  return entries.write(() => {
    const found = entries.keys(span, most);
    for (const entry of found) entries.remove(entry);
    return found.length < most ? null : span.start;
  });
}

/** The parts of a view in the records of keys that a drop leaves: by their attempts. */
export interface KeptParts {
  readonly viewId: string;
  /** These attempts, and all from `from` on, stay. */
  readonly attempts: readonly number[];
  readonly from: number;
}

/**
 * Drops parts of a view from the first records of a span, in one transaction. Gives where the next step begins; null at the end of the
 * span. Errors: STORE_WRITE, STORE_CORRUPT.
 */
export function dropParts(entries: Entries, kept: KeptParts, span: KeySpan, most: number): Uint8Array | null {
  return entries.write(() => {
    const number = new ViewNumbers(entries).of(kept.viewId, false);
    if (number === null) return null;
    const found = entries.keys(span, most);
    const keeps: KeepsPart = (view, attempt) =>
      view !== number || attempt >= kept.from || kept.attempts.includes(attempt);
    for (const place of found) keepParts(entries, place, keeps);
    return found.length < most ? null : keyAfter(found[found.length - 1]);
  });
}

function dropFromBlock(
  entries: Entries,
  layout: TileLayout,
  hopMs: number,
  entry: Uint8Array,
  endedBefore: number,
): void {
  const content = entries.get(entry);
  if (content === undefined) return;
  const run = decodeBlock(layout, hopMs, content);
  const dropped = lowerBound(run, layout, endedBefore - hopMs + 1);
  if (dropped === 0) return;
  dropFirst(run, layout, dropped);
  if (run.length === 0) entries.remove(entry);
  else entries.put(entry, encodeBlock(layout, hopMs, run));
}
