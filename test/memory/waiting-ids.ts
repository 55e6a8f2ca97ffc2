import type { WaitingId, WaitingIds } from '../../src/ports/waiting-ids.ts';

/** Ids that wait in a map: the definition of the port. */
export class MemoryWaitingIds implements WaitingIds {
  readonly #ids = new Map<string, WaitingId>();

  get size(): number {
    return this.#ids.size;
  }

  put(ids: readonly WaitingId[]): void {
    for (const one of ids) this.#ids.set(one.id, one);
  }

  take(id: string): WaitingId | null {
    const found = this.#ids.get(id) ?? null;
    this.#ids.delete(id);
    return found;
  }

  takeDue(bucket: number, most: number): readonly WaitingId[] {
    const due = [...this.#ids.values()].filter((one) => one.bucket <= bucket).sort((a, b) => a.bucket - b.bucket);
    const taken = due.slice(0, most);
    for (const { id } of taken) this.#ids.delete(id);
    return taken;
  }

  firstBucket(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { bucket } of this.#ids.values()) first = Math.min(first, bucket);
    return first;
  }

  clear(): void {
    this.#ids.clear();
  }

  close(): void {
    this.clear();
  }
}
