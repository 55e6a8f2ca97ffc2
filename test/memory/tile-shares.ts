import { fail } from '../../src/base/errors/fail.ts';
import type { TileReport } from '../../src/ports/online-store.ts';
import type {
  AddedFrom,
  SharedAddition,
  SharedKey,
  SharedKeyRead,
  SharePlace,
  ShareWrite,
  TileShares,
} from '../../src/ports/tile-shares.ts';
import type { MemoryOnlineStore } from './online-store.ts';

interface Share {
  readonly owner: object;
  readonly place: SharePlace | null;
  readonly freshUntil: number;
  readonly isWhole: boolean;
}

/** The state of the shares of one store in memory. */
export class MemoryShares {
  readonly store: MemoryOnlineStore;
  readonly #count: number;
  readonly #shares = new Map<number, Share>();
  /** By view and key, the last addition. */
  readonly #added = new Map<string, { readonly stamp: Uint8Array; readonly covers: readonly number[] }>();
  #additions = 0;
  #isOpen = false;

  constructor(store: MemoryOnlineStore, count: number) {
    this.store = store;
    this.#count = count;
  }

  /** Opens the shares: the serving process calls it at its start, and again after a loss. */
  serve(): void {
    this.#isOpen = true;
  }

  /** Loses everything, as a flush does. */
  lose(): void {
    this.#isOpen = false;
    this.#shares.clear();
    this.#added.clear();
    this.store.close();
  }

  /** The freshness that a reader sees. */
  get told(): { readonly degraded: boolean; readonly freshUntil: number } {
    const shares = Array.from({ length: this.#count }, (_, share) => this.#shares.get(share));
    return {
      degraded: !this.#isOpen || shares.some((share) => share?.isWhole !== true),
      freshUntil: Math.min(...shares.map((share) => share?.freshUntil ?? Number.NEGATIVE_INFINITY)),
    };
  }

  /** Opens it for one of the writers. */
  open(): TileShares {
    const owner = {};
    return {
      take: async (shares, distrust) => {
        this.#mustBeOpen();
        return new Map(shares.map((share) => [share, this.#take(share, owner, distrust)]));
      },
      write: async (write) => {
        this.#mustBeOpen();
        return this.#write(write, owner);
      },
      load: async (keys) => keys.map((read) => this.#load(read)),
      add: async (additions, from) => {
        this.#mustBeOpen();
        return this.#add(additions, from, owner);
      },
      close: async () => undefined,
    };
  }

  /** Where shares are read on. */
  places(): readonly (SharePlace | null)[] {
    return Array.from({ length: this.#count }, (_, share) => this.#shares.get(share)?.place ?? null);
  }

  #load({ layout, key }: SharedKeyRead): SharedKey {
    const all = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    const runs = this.store.readTiles(layout.view.hopsMs.map((hopMs) => ({ layout, hopMs, key, ...all })));
    const { stamp = null, covers = [] } = this.#added.get(`${layout.viewId} ${key}`) ?? {};
    return { layout, key, runs, covers, stamp };
  }

  #add(additions: readonly SharedAddition[], { shares }: AddedFrom, owner: object): readonly SharedAddition[] | null {
    if (shares.some((share) => this.#shares.get(share)?.owner !== owner)) return null;
    return additions.filter(({ to, tiles, covers }) => {
      const name = `${to.layout.viewId} ${to.key}`;
      if (this.#added.get(name)?.stamp.join() !== to.stamp?.join()) return true;
      this.#additions += 1;
      this.store.writeTiles({ writer: 'shares', position: {}, tiles });
      this.#added.set(name, { stamp: Buffer.from(String(this.#additions)), covers: [...covers] });
      return false;
    });
  }

  #take(share: number, owner: object, distrust: boolean): SharePlace | null {
    const held = this.#shares.get(share);
    const place = held?.place ?? null;
    const isKept = held !== undefined && place !== null && !distrust;
    const freshUntil = isKept ? held.freshUntil : Number.NEGATIVE_INFINITY;
    this.#shares.set(share, { owner, place, freshUntil, isWhole: isKept && held.isWhole });
    return place;
  }

  #write({ tiles, places, freshUntil, isWhole }: ShareWrite, owner: object): TileReport | null {
    const report = this.store.writeTiles({ writer: 'shares', position: {}, tiles });
    for (const share of places.keys()) if (this.#shares.get(share)?.owner !== owner) return null;
    for (const [share, place] of places) {
      const held = this.#shares.get(share);
      this.#shares.set(share, {
        owner,
        place,
        freshUntil: freshUntil ?? held?.freshUntil ?? Number.NEGATIVE_INFINITY,
        isWhole: isWhole || held?.isWhole === true,
      });
    }
    return report;
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw fail('TILES_CLOSED', { engine: 'engine', partitions: this.#count });
  }
}
