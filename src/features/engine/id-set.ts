import { fnv1a32 } from '../../base/hash/fnv.ts';

/** An id without its characters: the head of the text, and its place in a set that is on average three quarters full. */
const ID_BYTES = 64;

/**
 * A set of ids that grows a little at a time. A full `Set` moves all its ids in the turn that adds one more: a tenth of a second
 * for a million ids. Divided into 256 by a hash of the id, the sets grow at different times, and each moves little. A caller
 * with several sets hashes once. Hot path.
 */
export class IdSet {
  /** Bytes of memory that the ids take, about. */
  bytes = 0;
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
    if (ids.add(id).size === before) return false;
    this.bytes += ID_BYTES + id.length;
    return true;
  }
}

/** The part of an id: the highest bits of FNV-1a are its best mixed. */
export function idPart(id: string): number {
  return fnv1a32(id) >>> 24;
}
