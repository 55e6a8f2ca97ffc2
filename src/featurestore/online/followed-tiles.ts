import type { TileLayout } from '../../features/tile/tile-layout.ts';
import type { OnlineStore } from '../../ports/online-store.ts';
import { type TileBounds, UNBOUNDED } from '../materialise/tile-bounds.ts';
import { TileCache } from '../materialise/tile-cache.ts';
import { type TileSource, toldTiles } from './tile-source.ts';

/** A writer that is silent for this long may have died with acknowledged events that are in no tile, ms. */
const SILENT_AFTER_MS = 2_000;

/** Tiles that another process of this machine commits, kept in memory until a commit changes them. */
export class FollowedTiles {
  /** Whatever arrived before this instant, epoch ms, is in the tiles. */
  freshUntil = Number.NEGATIVE_INFINITY;
  readonly #store: OnlineStore;
  readonly #tiles: TileCache;
  readonly #layouts: ReadonlyMap<string, TileLayout>;

  constructor(store: OnlineStore, layouts: Iterable<TileLayout>, maxBytes: number) {
    this.#store = store;
    this.#tiles = new TileCache(store, maxBytes, undefined, undefined, (layout) => this.#boundsOf(layout));
    this.#layouts = new Map([...layouts].map((layout) => [layout.viewId, layout]));
  }

  /** Takes the newest commit for the reads of this turn of the event loop; call it before the first read. Hot path. */
  follow(): void {
    const news = this.#store.follow?.() ?? null;
    if (news === null) return;
    this.freshUntil = news.freshUntil;
    if (news.changed === null) this.#tiles.forget();
    else
      for (const { viewId, key } of news.changed) {
        const layout = this.#layouts.get(viewId);
        if (layout !== undefined) this.#tiles.drop(layout, key);
      }
  }

  /** The tiles of a key that a read of the present takes. The store may have events that arrived after the last commit began. */
  #boundsOf({ view: { source } }: TileLayout): TileBounds {
    if (source.changes !== undefined) return UNBOUNDED;
    return { since: this.freshUntil, until: Number.POSITIVE_INFINITY };
  }

  /** The cache in memory. */
  get memory(): Pick<TileCache, 'bytes' | 'busyBytes' | 'keys' | 'evicted'> {
    return this.#tiles;
  }

  /** Whether the writer was heard of in time. */
  isFollowing(now: number): boolean {
    return now - this.freshUntil < SILENT_AFTER_MS;
  }

  source(clock: () => number): TileSource {
    const tiles = this.#tiles;
    return {
      runsOf: (layout, key) => tiles.tilesOf(layout, key).runs,
      told: toldTiles(tiles),
      lagMs: (_, now) => now - this.freshUntil,
      answersFrom: ({ source }) => this.freshUntil - source.latenessMs - source.futureSkewMs,
      degraded: () => !this.isFollowing(clock()),
    };
  }
}
