import { fnv1a32 } from '../../base/hash/fnv.ts';

/** An id without its characters: the head of the text, and its place in a map that is on average three quarters full. */
const ID_BYTES = 72;

/**
 * A map of ids to offsets that grows a little at a time. A full `Map` moves all its ids in the turn that adds one more: a tenth of a
 * second for a million ids. Divided into 256 by a hash of the id, the maps grow at different times, and each moves little. A
 * caller with several maps hashes once. Hot path.
 */
export class IdSet {
  /** Bytes of memory that the ids take, about. */
  bytes = 0;
  readonly #parts: (Map<string, number> | undefined)[] = Array.from({ length: 256 }, () => undefined);

  /** The offset that an id was added with; undefined: it is not there. `part` is `idPart(id)`. */
  get(id: string, part: number): number | undefined {
    return this.#parts[part]?.get(id);
  }

  /** Adds an id that is not there. */
  add(id: string, part: number, offset: number): void {
    let ids = this.#parts[part];
    if (ids === undefined) {
      ids = new Map();
      this.#parts[part] = ids;
    }
    ids.set(id, offset);
    this.bytes += ID_BYTES + id.length;
  }
}

/** The part of an id: the highest bits of FNV-1a are its best mixed. */
export function idPart(id: string): number {
  return fnv1a32(id) >>> 24;
}
