/** Parts of a map. */
const SHARDS = 64;

/**
 * A map by key in many parts. A `Map` that is full moves all that it has in the turn that adds one more; parts grow at different times,
 * each moving little. Hot path.
 */
export class ShardedKeys<V> {
  readonly #shards: readonly Map<string, V>[] = Array.from({ length: SHARDS }, () => new Map<string, V>());

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)].get(key);
  }

  set(key: string, value: V): void {
    this.#shards[shardOf(key)].set(key, value);
  }

  delete(key: string): void {
    this.#shards[shardOf(key)].delete(key);
  }

  get size(): number {
    return this.#shards.reduce((size, shard) => size + shard.size, 0);
  }
}

/** Keys differ most at their ends. */
function shardOf(key: string): number {
  const last = key.length - 1;
  if (last < 2) return last < 0 ? 0 : key.charCodeAt(last) % SHARDS;
  return (key.charCodeAt(last) + 10 * key.charCodeAt(last - 1) + 37 * key.charCodeAt(last - 2)) % SHARDS;
}
