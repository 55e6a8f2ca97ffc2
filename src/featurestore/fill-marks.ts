import type { TileLayout } from '../features/tile/tile-layout.ts';
import type { OnlineStore } from '../ports/online-store.ts';

/** Member of a layout's mark in the store that says its tiles are whole. */
const FILLED = 'filled';

/** Whether the tiles of a layout are all in the store, and kept up with the log from there. */
export async function isFilled(layout: TileLayout, online: OnlineStore): Promise<boolean> {
  return (await online.position(fillMark(layout)))?.[FILLED] !== undefined;
}

export async function markFilled(layout: TileLayout, online: OnlineStore, filled: boolean): Promise<void> {
  await online.writeTiles({ writer: fillMark(layout), position: filled ? { [FILLED]: [1] } : {}, tiles: [] });
}

function fillMark({ viewId }: TileLayout): string {
  return `layout/${viewId}`;
}
