import { fnv1a32 } from '../../base/hash/fnv.ts';

/**
 * A set of ids that grows a little at a time. A `Set` that is full moves all that it has in the turn that adds one more: a million
 * ids for a tenth of a second. Divided into 256 by a hash of the id they grow at different times, each moving little. Who asks
 * several sets hashes once. Hot path.
 */
export class IdSet {
  readonly #parts: (Set<string> | undefined)[] = Array.from({ length: 256 }, () => undefined);

  /** `part` is `idPart(id)`. */
  has(id: string, part: number): boolean {
    return this.#parts[part]?.has(id) ?? false;
  }

  /** Adds an id; false if it is there. */
  add(id: string, part: number): boolean {
    let ids = this.#parts[part];
    if (ids === undefined) {
      ids = new Set();
      this.#parts[part] = ids;
    }
    const before = ids.size;
    return ids.add(id).size > before;
  }
}

/** The part of an id: the highest bits of FNV-1a are its best mixed. */
export function idPart(id: string): number {
  return fnv1a32(id) >>> 24;
}
