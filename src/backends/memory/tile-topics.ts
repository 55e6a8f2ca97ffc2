import type { TileWrite } from '../../ports/online-store.ts';
import type { Position } from '../../ports/position.ts';
import type { TileBatch, TileTopics, TopicEnds } from '../../ports/tile-topics.ts';

const READ_AT_ONCE = 100;

/** One topic of one partition, which keeps all that is written to it. */
export class MemoryTileTopics implements TileTopics {
  readonly engine = 'engine';
  readonly #tiles: TileWrite[] = [];

  write(tiles: readonly TileWrite[]): void {
    this.#tiles.push(...tiles);
  }

  async ends(): Promise<TopicEnds> {
    return { begins: { tiles: [0] }, ends: { tiles: [this.#tiles.length] } };
  }

  knownEnds(): Position {
    return { tiles: [this.#tiles.length] };
  }

  async read({ tiles: [from] }: Position): Promise<TileBatch> {
    const tiles = this.#tiles.slice(from, from + READ_AT_ONCE);
    const next = from + tiles.length;
    return { tiles, next: { tiles: [next] }, hasMore: next < this.#tiles.length };
  }

  async close(): Promise<void> {}
}
