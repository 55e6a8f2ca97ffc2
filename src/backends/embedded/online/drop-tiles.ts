import type { TileLayout } from '../../../features/tile/tile-layout.ts';
import { dropFirst, lowerBound } from '../../../features/tile/tile-run.ts';
import { latestOfWindows } from '../../../features/window/stored-windows.ts';
import type { TileSweep } from '../../../ports/online-store.ts';
import { type KeepsPart, keepParts, partOf, putParts, WINDOWS } from './entity-records.ts';
import type { Entries, KeySpan } from './entries.ts';
import { isOfKey, RECORDS, SWEEP_KEY, tierAndBlock } from './store-keys.ts';
import { decodeBlock, encodeBlock, TILES_PER_BLOCK } from './tile-block.ts';
import { tiersOf, ViewNumbers } from './view-numbers.ts';

/** The most entries that one transaction looks at: other writes wait that long, and no more than their keys are in memory. */
export const ENTRIES_AT_ONCE = 10_000;

/** A hop whose tiles that end at or before an instant are dropped. */
interface DroppedTier {
  readonly layout: TileLayout;
  readonly hopMs: number;
  readonly endedBefore: number;
}

/** The tiles and windows that a sweep drops, by the numbers of the store. */
interface Dropped {
  readonly tiers: ReadonlyMap<number, DroppedTier>;
  /** Views whose stored windows go where the latest event was before an instant. */
  readonly views: readonly { readonly view: number; readonly before: number }[];
}

/**
 * Looks at the first entries of a span and drops the tiles of each view and hop that end at or before its instant, and the stored windows of
 * keys that no window can reach, in one transaction, which also notes the place. Gives where the next step begins; null at the end of the
 * span. Errors: STORE_WRITE, STORE_CORRUPT.
 */
export function sweepSome(
  entries: Entries,
  sweeps: readonly TileSweep[],
  span: KeySpan,
  most = ENTRIES_AT_ONCE,
): Uint8Array | null {
  return entries.write(() => {
    const dropped = droppedBy(entries, sweeps);
    const found = entries.keys(span, most);
    for (const entry of found) {
      const of = tierAndBlock(entry);
      if (of === null) dropWindows(entries, entry, dropped.views);
      else dropOfTier(entries, entry, of.block, dropped.tiers.get(of.tier));
    }
    const next = found.length < most ? null : keyAfter(found[found.length - 1]);
    if (next !== null) entries.put(SWEEP_KEY, next);
    else if (entries.get(SWEEP_KEY) !== undefined) entries.remove(SWEEP_KEY);
    return next;
  });
}

function droppedBy(entries: Entries, sweeps: readonly TileSweep[]): Dropped {
  const numbers = new ViewNumbers(entries);
  const tiers = new Map<number, DroppedTier>();
  const views: Dropped['views'][number][] = [];
  for (const { layout, horizons } of sweeps) {
    // Of a hop that is named twice the later instant counts.
    const before = new Map(
      horizons.toSorted((a, b) => a.endedBefore - b.endedBefore).map(({ hopMs, endedBefore }) => [hopMs, endedBefore]),
    );
    for (const [hopMs, endedBefore] of before) {
      const tier = numbers.tier(layout, hopMs, false);
      if (tier !== null) tiers.set(tier, { layout, hopMs, endedBefore });
    }
    const view = numbers.of(layout.viewId, false);
    const unreached = Math.min(...layout.view.hopsMs.map((hopMs) => before.get(hopMs) ?? Number.NEGATIVE_INFINITY));
    if (view !== null) views.push({ view, before: unreached });
  }
  return { tiers, views };
}

/** Removes the stored windows of views, in a record, whose events were all before an instant. */
function dropWindows(entries: Entries, place: Uint8Array, views: Dropped['views']): void {
  const record = entries.get(place);
  if (record === undefined) return;
  const gone = views.filter(({ view, before }) => {
    const windows = partOf(record, view, WINDOWS);
    return windows !== null && (latestOfWindows(windows) ?? Number.POSITIVE_INFINITY) < before;
  });
  if (gone.length === 0) return;
  const parts = gone.map(({ view }) => ({ view, attempt: WINDOWS, content: null }));
  putParts(entries, place, parts);
}

function dropOfTier(entries: Entries, entry: Uint8Array, block: number, tier: DroppedTier | undefined): void {
  if (tier === undefined) return;
  const { layout, hopMs, endedBefore } = tier;
  if (block * TILES_PER_BLOCK * hopMs + hopMs > endedBefore) return;
  if ((block + 1) * TILES_PER_BLOCK * hopMs <= endedBefore) entries.remove(entry);
  else dropFromBlock(entries, layout, hopMs, entry, endedBefore);
}

/** The spans that a sweep walks: from the place where the last one stopped once around. So a process that is killed repeatedly also reaches every key. */
export function spansOfSweep(entries: Entries): readonly KeySpan[] {
  const place = entries.get(SWEEP_KEY);
  if (place === undefined || !isOfKey(place)) return [RECORDS];
  const cutAt = Uint8Array.from(place);
  return [
    { start: cutAt, end: RECORDS.end },
    { start: RECORDS.start, end: cutAt },
  ];
}

/** The least key after another. */
function keyAfter(key: Uint8Array): Uint8Array {
  const after = new Uint8Array(key.length + 1);
  after.set(key);
  return after;
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

/** The parts of a view in the records of keys that a drop leaves: by their attempts. It leaves no blocks of the view. */
export interface KeptParts {
  readonly viewId: string;
  /** These attempts, and all from `from` on, stay. */
  readonly attempts: readonly number[];
  readonly from: number;
}

/**
 * Drops parts of a view from the first records of a span, and its blocks, in one transaction. Gives where the next step begins; null at the end
 * of the span. Errors: STORE_WRITE, STORE_CORRUPT.
 */
export function dropParts(entries: Entries, kept: KeptParts, span: KeySpan, most: number): Uint8Array | null {
  return entries.write(() => {
    const number = new ViewNumbers(entries).of(kept.viewId, false);
    const tiers = tiersOf(entries, kept.viewId);
    if (number === null && tiers.size === 0) return null;
    const found = entries.keys(span, most);
    const keeps: KeepsPart = (view, attempt) =>
      view !== number || attempt >= kept.from || kept.attempts.includes(attempt);
    for (const place of found) {
      const of = tierAndBlock(place);
      if (of === null) keepParts(entries, place, keeps);
      else if (tiers.has(of.tier)) entries.remove(place);
    }
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
