import { statSync } from 'node:fs';

/** Bytes of a page, as on most machines. */
const PAGE = 4_096;

/** Pages that a changed key takes in a large store, about: its entries are in one or two, and some keys share a branch. */
const PAGES_PER_KEY = 1.25;

/** Pages of a tree that is written at random are two thirds full. */
const FILL = 2 / 3;

/** Bytes of a key that is new, about. */
const NEW_KEY = 1_024;

/**
 * The memory of LMDB for pages: it copies each page that a transaction changes, and keeps the copies for later transactions, as many as
 * the largest had. Estimated by the keys that change, and by the size of the file: it cannot change more pages than there are.
 */
export class ChangedPages {
  /** Bytes of the largest commit since the start. */
  bytes = 0;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Notes a commit that changes some keys, with as many bytes of its own. */
  wrote(keys: number, copied: number): void {
    this.bytes = Math.max(this.bytes, Math.min(keys * PAGES_PER_KEY * PAGE, this.#fileBytes() + copied / FILL));
  }

  /** The most keys of which a commit takes up to `bytes`. */
  mostKeys(bytes: number): number {
    const room = bytes - this.#fileBytes();
    return Math.floor(Math.max(bytes / (PAGES_PER_KEY * PAGE), (room * FILL) / NEW_KEY));
  }

  #fileBytes(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }
}
