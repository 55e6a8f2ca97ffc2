import { partOf, putPart, WINDOWS } from './entity-records.ts';
import type { Entries, KeySpan } from './entries.ts';
import {
  FORMER_BLOCKS,
  FORMER_WINDOWS,
  type FormerEntry,
  formerBlockKey,
  formerBlocksOf,
  formerWindowsKey,
  readFormerKey,
} from './former-keys.ts';
import { blockKey, blocksOfTier, recordPlace, tierAndBlock } from './store-keys.ts';
import { numberNames, tierName } from './view-numbers.ts';

/** Whether entries of a former format have not moved yet. */
export function hasFormerEntries(entries: Entries): boolean {
  return [FORMER_WINDOWS, FORMER_BLOCKS].some((span) => entries.keys(span, 1).length > 0);
}

/** Entries that are still where a former format put them. */
export class FormerEntries {
  /** Whether something has not moved yet. */
  isThere: boolean;
  readonly #entries: Entries;

  constructor(entries: Entries) {
    this.#entries = entries;
    this.isThere = hasFormerEntries(entries);
  }

  /** Looks again, once another process has written. */
  look(): void {
    if (this.isThere) this.isThere = hasFormerEntries(this.#entries);
  }

  /** The stored windows of a key, valid until the next call; null: they have moved, or there are none. */
  windows(viewId: string, key: string): Uint8Array | null {
    if (!this.isThere) return null;
    return this.#entries.get(formerWindowsKey(viewId, recordPlace(key))) ?? null;
  }

  /** A block, valid until the next call. */
  block(viewId: string, key: string, hopMs: number, block: number): Uint8Array | undefined {
    if (!this.isThere) return undefined;
    return this.#entries.get(formerBlockKey(viewId, recordPlace(key), hopMs, block));
  }

  /** The blocks of a hop of a key, ascending, wherever they are. */
  blocks(viewId: string, key: string, hopMs: number, tier: number | null): readonly number[] {
    const record = Uint8Array.from(recordPlace(key));
    const former = this.#entries.keys(formerBlocksOf(viewId, record, hopMs)).map((entry) => readFormerKey(entry).tile);
    const moved =
      tier === null
        ? []
        : this.#entries
            .keys(blocksOfTier(record, tier, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))
            .map(tierAndBlock);
    return [...former, ...moved].flatMap((of) => of?.block ?? []).toSorted((a, b) => a - b);
  }

  /** Removes all of a key, within a transaction. */
  removeKey(viewId: string, key: string, hopsMs: readonly number[]): void {
    if (!this.isThere) return;
    const record = Uint8Array.from(recordPlace(key));
    this.#entries.remove(formerWindowsKey(viewId, record));
    for (const hopMs of hopsMs)
      for (const entry of this.#entries.keys(formerBlocksOf(viewId, record, hopMs))) this.#entries.remove(entry);
  }
}

/**
 * Moves the first entries of a span to the records and blocks of their keys, in one transaction. A commit that comes in between writes what
 * it changes to the new place and removes the former one. So an entry is in one place. A process that is killed leaves the rest for the
 * next one. Gives where the next step begins; null at the end of the span. Errors: STORE_WRITE, STORE_CORRUPT.
 */
export function moveSome(entries: Entries, span: KeySpan, most: number): Uint8Array | null {
  return entries.write(() => {
    const found = entries.keys(span, most).map((entry) => ({ entry, of: readFormerKey(entry) }));
    const numbers = numberNames(
      entries,
      found.map(({ of }) => nameOf(of)),
    );
    for (const [i, { entry, of }] of found.entries()) {
      const content = entries.get(entry);
      // The next get takes its memory.
      if (content !== undefined) moveOne(entries, of, numbers[i], Uint8Array.from(content));
      entries.remove(entry);
    }
    return found.length < most ? null : span.start;
  });
}

function nameOf({ viewId, tile }: FormerEntry): string {
  return tile === null ? viewId : tierName(viewId, tile.hopMs);
}

/** An entry in the new place is as new or newer. */
function moveOne(entries: Entries, { record, tile }: FormerEntry, number: number, content: Uint8Array): void {
  if (tile !== null) {
    const key = blockKey(record, number, tile.block);
    if (entries.get(key) === undefined) entries.put(key, content);
    return;
  }
  const known = entries.get(record);
  if (known !== undefined && partOf(known, number, WINDOWS) !== null) return;
  putPart(entries, record, { view: number, attempt: WINDOWS, content });
}
