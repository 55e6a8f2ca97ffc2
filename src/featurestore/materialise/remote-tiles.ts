import type { StreamViewData } from '../../features/define/declaration.ts';
import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { TileRun } from '../../features/tile/tile-run.ts';
import type { ViewKey } from './key-tiles.ts';
import type { RemoteCommitter } from './remote-committer.ts';
import type { TileCache } from './tile-cache.ts';

/** How the writer of a store behind a network reads its tiles: from memory where they are, else they are fetched first. */
export interface RemoteTiles {
  fetch(keys: readonly ViewKey[], at: number): Promise<RemoteTiles> | undefined;
  runsOf(layout: TileLayout, key: string): readonly TileRun[];
  lagMs(view: StreamViewData, now: number): number;
  degraded(): boolean;
}

export function remoteTiles<T extends Pick<RemoteTiles, 'lagMs'>>(
  tiles: TileCache,
  committer: RemoteCommitter,
  rest: T,
): RemoteTiles & T {
  const source: RemoteTiles & T = {
    ...rest,
    fetch: (keys) => tiles.hold(keys)?.then(() => source),
    runsOf: (layout, key) => tiles.tilesOf(layout, key).runs,
    lagMs: (view, now) => Math.max(rest.lagMs(view, now), committer.isIdle ? 0 : now - committer.freshUntil),
    degraded: () => committer.isDegraded,
  };
  return source;
}
