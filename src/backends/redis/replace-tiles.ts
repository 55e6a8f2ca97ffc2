import type { TileCommit, TileReport, TileWrite } from '../../ports/online-store.ts';
import type { SharedKeyRead } from '../../ports/tile-shares.ts';
import type { CommitsAhead } from './log-shares.ts';
import type { AddUse, SharedKeys } from './shared-keys.ts';

export interface ReplaceUse extends AddUse {
  readonly ahead: CommitsAhead;
  /** As in a commit. */
  readonly covers: TileCommit['covers'] | undefined;
}

/**
 * Writes tiles that were computed elsewhere to keys that other processes add to, each until nobody has written it in between. null: a guard
 * did not hold.
 */
export async function replaceTiles(
  shared: SharedKeys,
  tiles: readonly TileWrite[],
  { ahead, covers, ...use }: ReplaceUse,
): Promise<TileReport | null> {
  const total = { applied: 0, duplicate: 0, stale: 0, conflict: 0 };
  for (let keys = keysOf(tiles); keys.length > 0; ) {
    const reads = keys.map(({ read }) => read);
    const additions = (await shared.load(reads, ahead)).map((to, i) => ({
      to,
      tiles: keys[i].tiles,
      covers: furthest(to.covers, covers?.get(to.layout) ?? []),
    }));
    const { left, report } = await shared.add(additions, use);
    if (left === null) return null;
    for (const outcome of ['applied', 'duplicate', 'stale', 'conflict'] as const) total[outcome] += report[outcome];
    const again = new Set(left);
    keys = keys.filter((_, i) => again.has(additions[i]));
  }
  return total;
}

interface KeyOfCommit {
  readonly read: SharedKeyRead;
  readonly tiles: TileWrite[];
}

/** The tiles of a commit by their keys. */
function keysOf(tiles: readonly TileWrite[]): readonly KeyOfCommit[] {
  const byKey = new Map<string, KeyOfCommit>();
  for (const tile of tiles) {
    const { layout, key } = tile;
    const name = `${layout.viewId} ${key}`;
    const known = byKey.get(name) ?? { read: { layout, key }, tiles: [] };
    byKey.set(name, known);
    known.tiles.push(tile);
  }
  return [...byKey.values()];
}

/** By partition the larger offset. */
function furthest(one: readonly number[], other: readonly number[]): readonly number[] {
  return Array.from({ length: Math.max(one.length, other.length) }, (_, p) => Math.max(one[p] ?? 0, other[p] ?? 0));
}
