import type { Clock } from '../../base/time.ts';
import type { RemoteStore } from '../../ports/remote-store.ts';
import type { SharePlace } from '../../ports/tile-shares.ts';
import type { TileHealth } from '../materialise/tile-intake.ts';
import { HotTiles } from './hot-tiles.ts';

/** Tiles that other processes write to the online store: how this process reads them, and how fresh they say they are. */
export class ApartTiles {
  readonly hot: HotTiles;
  readonly #remote: RemoteStore;
  /** The store's last freshness, epoch ms. */
  freshUntil = Number.NEGATIVE_INFINITY;
  /** By share, the last known place of the processes that make the tiles of the log; empty where an engine makes them. */
  places: readonly (SharePlace | null)[] = [];

  constructor(remote: RemoteStore, clock: Clock) {
    this.#remote = remote;
    this.hot = new HotTiles(remote, clock);
  }

  /** Asks the store how fresh the tiles are, and exchanges hot keys with other processes. */
  async hear(): Promise<void> {
    this.freshUntil = await this.#remote.freshUntil();
    this.places = await this.#remote.sharePlaces();
    await this.hot.share();
  }

  /** The health of tiles as they are served: not fresher than their writers say. */
  served({ outcomes, conflicts, progress }: TileHealth): TileHealth {
    const freshUntil = Math.min(progress.freshUntil, this.freshUntil);
    return { outcomes, conflicts, progress: { ...progress, freshUntil } };
  }
}
