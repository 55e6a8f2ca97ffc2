import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { Position } from '../../ports/position.ts';
import type { LoadedKey, RemoteStore } from '../../ports/remote-store.ts';
import { topicOf } from '../ingest/gateway.ts';
import type { KeyTiles, ViewKey } from './key-tiles.ts';
import { entryOf, type ViewCache } from './view-cache.ts';
import type { Writer } from './writer.ts';

/** The memory that keys are loaded into. */
export interface LoadTarget {
  readonly remote: RemoteStore;
  readonly writer: Writer;
  viewOf(layout: TileLayout): ViewCache;
  /** Whether a view is still in memory; everything may have been dropped since a load began. */
  isCurrent(layout: TileLayout, view: ViewCache): boolean;
  insert(view: ViewCache, entry: KeyTiles): void;
  release(entry: KeyTiles): void;
}

/** A key, and the view that it was asked for. */
interface AskedKey extends ViewKey {
  readonly view: ViewCache;
}

/** Loads keys in one round trip. One load at a time for a key: a late result could miss a commit in between. */
export async function loadKeys(target: LoadTarget, keys: readonly ViewKey[]): Promise<void> {
  const waiting = new Set<Promise<void>>();
  const asked: AskedKey[] = [];
  let loading: Promise<void> | undefined;
  for (const { layout, key } of keys) {
    const view = target.viewOf(layout);
    const known = view.loading.get(key);
    if (known !== undefined) waiting.add(known);
    else {
      loading ??= Promise.resolve().then(() => loadAsked(target, asked));
      view.loading.set(key, loading);
      asked.push({ layout, key, view });
    }
  }
  if (loading !== undefined) waiting.add(loading);
  await Promise.all(waiting);
}

/** By partition of the source of a view, what a key covers; null: no more than the writer's position. */
function offsetsIn(covers: LoadedKey['covers'], { view }: TileLayout): readonly number[] | null {
  if (covers === null || isOffsets(covers)) return covers;
  return covers[topicOf(view.source)] ?? null;
}

function isOffsets(covers: Position | readonly number[]): covers is readonly number[] {
  return Array.isArray(covers);
}

async function loadAsked(target: LoadTarget, asked: readonly AskedKey[]): Promise<void> {
  try {
    const loaded = await target.remote.load(target.writer, asked);
    asked.forEach(({ layout, key, view }, i) => {
      const { runs, covers } = loaded[i];
      if (!target.isCurrent(layout, view)) return;
      const entry = entryOf(layout, view, key, [...runs]);
      entry.covers = offsetsIn(covers, layout);
      // Those who wait for it take it within this turn.
      entry.busy = 1;
      target.insert(view, entry);
      setImmediate(() => target.release(entry));
    });
  } finally {
    for (const { key, view } of asked) view.loading.delete(key);
  }
}
