import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { OnlineStore } from '../ports/online-store.ts';

/** Members of a layout's mark in the store: its tiles are whole, and kept up with the log; they are dropped. Without one they are neither. */
const FILLED = 'filled';
const DROPPED = 'dropped';
type Member = typeof FILLED | typeof DROPPED;

const MARK = 'layout/';

/** Whether the tiles of a layout are all in the store, and kept up with the log from there. */
export function isFilled({ viewId }: TileLayout, online: OnlineStore): Promise<boolean> {
  return hasMember(viewId, FILLED, online);
}

export async function markFilled({ viewId }: TileLayout, online: OnlineStore, filled: boolean): Promise<void> {
  await mark(viewId, filled ? FILLED : null, online);
}

/**
 * Marks which tiles there may be from here on. A layout that is no longer declared misses the coming events: if it is
 * declared again, it is filled again. Call it before any event is taken.
 */
export async function markDeclared(layouts: readonly TileLayout[], online: OnlineStore): Promise<void> {
  for (const viewId of await undeclared(layouts, online))
    if (await hasMember(viewId, FILLED, online)) await mark(viewId, null, online);
  const known = new Set(await online.writers());
  for (const { viewId } of layouts)
    if (!known.has(MARK + viewId) || (await hasMember(viewId, DROPPED, online))) await mark(viewId, null, online);
}

/** Drops the tiles of all layouts that are not declared; ends early once the signal is aborted. */
export async function dropUndeclared(
  layouts: readonly TileLayout[],
  online: OnlineStore,
  signal: AbortSignal,
): Promise<void> {
  for (const viewId of await undeclared(layouts, online)) {
    if (await hasMember(viewId, DROPPED, online)) continue;
    await online.dropView(viewId, signal);
    if (signal.aborted) return;
    await mark(viewId, DROPPED, online);
  }
}

/** Ids of the layouts that have a mark and are not among these. */
async function undeclared(layouts: readonly TileLayout[], online: OnlineStore): Promise<readonly string[]> {
  const declared = new Set(layouts.map(({ viewId }) => viewId));
  return (await online.writers())
    .filter((writer) => writer.startsWith(MARK))
    .map((writer) => writer.slice(MARK.length))
    .filter((viewId) => !declared.has(viewId));
}

async function hasMember(viewId: string, member: Member, online: OnlineStore): Promise<boolean> {
  return (await online.position(MARK + viewId))?.[member] !== undefined;
}

async function mark(viewId: string, member: Member | null, online: OnlineStore): Promise<void> {
  const position = member === null ? {} : { [member]: [1] };
  await online.writeTiles({ writer: MARK + viewId, position, tiles: [] });
}
