import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileBatch, TileTopics, TopicEnds } from '../../ports/tile-topics.ts';

const READ_AT_ONCE = 100;

/** One topic of one partition, which keeps all that is written to it. */
export class MemoryTileTopics implements TileTopics {
  readonly engine = 'engine';
  readonly #tiles: TileWrite[] = [];
  readonly #waiting = new Set<() => void>();

  write(tiles: readonly TileWrite[]): void {
    this.#tiles.push(...tiles);
    for (const wake of this.#waiting) wake();
  }

  async ends(): Promise<TopicEnds> {
    return { begins: { tiles: [0] }, ends: { tiles: [this.#tiles.length] } };
  }

  knownEnds(): Position {
    return { tiles: [this.#tiles.length] };
  }

  async read({ tiles: [from] }: Position, waitMs = 0): Promise<TileBatch> {
    if (from >= this.#tiles.length && waitMs > 0) await this.#written(waitMs);
    const tiles = this.#tiles.slice(from, from + READ_AT_ONCE);
    const next = from + tiles.length;
    return { tiles, next: { tiles: [next] }, hasMore: next < this.#tiles.length };
  }

  async close(): Promise<void> {}

  /** When something is written, or the time is over. */
  async #written(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }
}
