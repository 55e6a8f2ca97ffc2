import { fnv1a32 } from '../../src/base/hash/fnv.ts';
import { START } from '../../src/features/tile/tile-layout.ts';
import type { TileWrite } from '../../src/ports/online-store.ts';
import type { Position } from '../../src/ports/position.ts';
import type { TileBatch, TileTopics, TopicEnds } from '../../src/ports/tile-topics.ts';

const READ_AT_ONCE = 100;

/** One topic, which keeps all that is written to it, divided by the keys of tiles. */
export class MemoryTileTopics implements TileTopics {
  readonly engine = 'engine';
  readonly #partitions: TileWrite[][];
  readonly #waiting = new Set<() => void>();

  constructor(partitions = 1) {
    this.#partitions = Array.from({ length: partitions }, () => []);
  }

  write(tiles: readonly TileWrite[]): void {
    for (const tile of tiles) this.#partitions[this.partitionOf(tile)].push(tile);
    for (const wake of this.#waiting) wake();
  }

  /** Where a tile is written. */
  partitionOf({ layout, hopMs, key, run, index }: TileWrite): number {
    const start = run.nums[index * layout.numbers + START];
    return fnv1a32(`${layout.viewId} ${hopMs} ${start} ${key}`) % this.#partitions.length;
  }

  async ends(): Promise<TopicEnds> {
    return { begins: { tiles: this.#partitions.map(() => 0) }, ends: this.knownEnds() };
  }

  knownEnds(): Position {
    return { tiles: this.#partitions.map(({ length }) => length) };
  }

  async read({ tiles: from }: Position, waitMs = 0, partitions = [...this.#partitions.keys()]): Promise<TileBatch> {
    const isBehind = () => partitions.some((partition) => from[partition] < this.#partitions[partition].length);
    if (!isBehind() && waitMs > 0) await this.#written(waitMs);
    const tiles: TileWrite[] = [];
    const next = [...from];
    for (const partition of partitions) {
      const found = this.#partitions[partition].slice(from[partition], from[partition] + READ_AT_ONCE);
      tiles.push(...found);
      next[partition] += found.length;
    }
    const hasMore = partitions.some((partition) => next[partition] < this.#partitions[partition].length);
    return { tiles, next: { tiles: next }, hasMore };
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
