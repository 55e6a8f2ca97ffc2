import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TilesOfKey } from './tiles-by-key.ts';

/** The tiles of a key of a view. */
export interface ComputedKey extends TilesOfKey {
  readonly layout: TileLayout;
  /** Whether the store has no other tiles of the view. */
  readonly areAll: boolean;
}

/** One of the streams that are merged, and its next key. */
interface Head {
  readonly rest: AsyncIterator<ComputedKey>;
  readonly next: ComputedKey;
}

/** Merges streams that are in the order of {@link isBefore}, about; equal keys come in the order of the streams. */
export async function* mergedByKey(streams: readonly AsyncIterable<ComputedKey>[]): AsyncGenerator<ComputedKey> {
  const all = streams.map((stream) => stream[Symbol.asyncIterator]());
  try {
    const heads: (Head | null)[] = [];
    for (const rest of all) heads.push(await nextOf(rest));
    for (;;) {
      let first = -1;
      for (let i = 0; i < heads.length; i += 1) {
        const head = heads[i];
        if (head !== null && (first < 0 || isBefore(head.next.key, heads[first]?.next.key ?? ''))) first = i;
      }
      const head = heads[first] ?? null;
      if (head === null) return;
      yield head.next;
      heads[first] = await nextOf(head.rest);
    }
  } finally {
    for (const rest of all) await rest.return?.();
  }
}

async function nextOf(rest: AsyncIterator<ComputedKey>): Promise<Head | null> {
  const { done, value } = await rest.next();
  return done === true ? null : { rest, next: value };
}

/** The order of a store: its keys begin with their lengths. Of texts beyond ASCII it may differ, which costs time and nothing else. */
function isBefore(one: string, other: string): boolean {
  return one.length === other.length ? one < other : one.length < other.length;
}
