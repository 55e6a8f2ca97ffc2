/** A value, and the instant that it is as of. */
interface Kept<V> {
  readonly value: V;
  /** When the read was sent: nothing that came later is in it. */
  readonly readAt: number;
}

/**
 * Keeps values for a bounded time after they were asked for. Of several who ask for one name at once one loads it. One that
 * may not be kept (`keeps`) is given to those who wait, and no further.
 */
export class NearCache<V> {
  readonly #maxAgeMs: number;
  readonly #most: number;
  readonly #kept = new Map<string, Kept<V>>();
  readonly #loading = new Map<string, Promise<V>>();

  constructor(maxAgeMs: number, most: number) {
    this.#maxAgeMs = maxAgeMs;
    this.#most = most;
  }

  /** The value, if one is kept that is young enough and, with `since`, was read at that instant or before. */
  get(name: string, now: number, since = Number.POSITIVE_INFINITY): V | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined || now - kept.readAt > this.#maxAgeMs || now < kept.readAt || kept.readAt > since)
      return undefined;
    return kept.value;
  }

  load(name: string, now: number, load: () => Promise<V>, keeps: (value: V) => boolean): Promise<V> {
    const known = this.#loading.get(name);
    if (known !== undefined) return known;
    const loading = load()
      .then((value) => {
        if (keeps(value)) this.#keep(name, { value, readAt: now });
        return value;
      })
      .finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  #keep(name: string, kept: Kept<V>): void {
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= this.#most) break;
      this.#kept.delete(oldest);
    }
  }
}
