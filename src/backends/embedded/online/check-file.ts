import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';

/**
 * The file of the LMDB that the package lmdb carries (its mdb.c), little-endian; what of it is looked at:
 *
 * ```
 * page     = number:u64 transaction:u64 pad:u16 flags:u16 (lower:u16 upper:u16 / pages:u32) rest
 * meta     = magic:u32 version:u32 address:u64 mapSize:u64 freeTree:tree mainTree:tree lastPage:u64 transaction:u64
 *                                    ; rest of pages 0 and 1; that of the greater transaction counts
 * tree     = pad:u32 flags:u16 depth:u16 branches:u64 leaves:u64 overflow:u64 entries:u64 root:u64
 *                                    ; pad of the free tree is the page size; root is all ones where there is none
 * branch   = *place space *node      ; rest of a page with flag 1; place:u16, lower / 2 of them, of a node, from there on
 * leaf     = *place space *node      ; flag 2
 * overflow = bytes                   ; flag 4, over `pages` pages
 * node     = low:u16 high:u16 flags:u16 keySize:u16 key value
 *                                    ; branch: low, high, flags are a page number; leaf: low, high the size of the value;
 *                                    ; leaf with flag 1: the value is number:u64 transaction:u64 pages:u64 of an overflow
 * ```
 */
const MAGIC = 0xbeefc0de;
const HEADER_BYTES = 24;
const TREE_BYTES = 48;
const META_BYTES = HEADER_BYTES + 24 + 2 * TREE_BYTES + 16;
const NODE_BYTES = 8;
const OVERFLOW_BYTES = 24;
const [BRANCH, LEAF, OVERFLOW] = [1, 2, 4];
const BIG_VALUE = 1;
const DEEPEST = 32;

/**
 * Walks the pages of an LMDB file before it is mapped: LMDB itself believes what stands in them, and ends the process where
 * that is damaged. Every page that can be reached must be the page it says it is, of the right kind, its nodes within it.
 * A file that is absent or empty is a new store; one that a process writes to meanwhile cannot be walked.
 * Error: STORE_CORRUPT.
 */
export function checkFile(path: string, walk: boolean): void {
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size > 0) checkPages(path, fd, size, walk);
  } finally {
    closeSync(fd);
  }
}

function checkPages(path: string, fd: number, size: number, walk: boolean): void {
  const first = readMeta(fd, 0);
  const pageSize = first?.getUint32(HEADER_BYTES + 24, true) ?? 0;
  const second = pageSize >= 512 && pageSize <= 0x8000 ? readMeta(fd, pageSize) : null;
  if (first === null || second === null) throw fail('STORE_CORRUPT', { path, reason: 'it is no LMDB file' });
  const transaction = META_BYTES - 8;
  const meta = first.getBigUint64(transaction, true) >= second.getBigUint64(transaction, true) ? first : second;
  const pages = new Pages(path, fd, pageSize, Math.floor(size / pageSize));
  for (const tree of [HEADER_BYTES + 24, HEADER_BYTES + 24 + TREE_BYTES]) {
    const root = meta.getBigUint64(tree + TREE_BYTES - 8, true);
    if (root === 2n ** 64n - 1n) continue;
    pages.check(Number(root), meta.getUint16(tree + 6, true), walk);
  }
}

function readMeta(fd: number, at: number): DataView | null {
  const meta = new DataView(new ArrayBuffer(META_BYTES));
  const read = readSync(fd, new Uint8Array(meta.buffer), 0, META_BYTES, at);
  return read === META_BYTES && meta.getUint32(HEADER_BYTES, true) === MAGIC ? meta : null;
}

class Pages {
  readonly #path: string;
  readonly #fd: number;
  readonly #pageSize: number;
  readonly #count: number;
  readonly #page: Uint8Array;
  readonly #view: DataView;
  /** A bit by page. */
  readonly #seen: Uint8Array;

  constructor(path: string, fd: number, pageSize: number, count: number) {
    this.#path = path;
    this.#fd = fd;
    this.#pageSize = pageSize;
    this.#count = count;
    this.#page = new Uint8Array(pageSize);
    this.#view = new DataView(this.#page.buffer);
    this.#seen = new Uint8Array((count >> 3) + 1);
  }

  /** Checks the tree below a page, or without `walk` the page alone. Hot path. */
  check(root: number, depth: number, walk: boolean): void {
    if (depth < 1 || depth > DEEPEST) this.#damaged(root, 'its depth cannot be');
    const pages = [root];
    const levels = [1];
    for (let next = pages.pop(); next !== undefined; next = pages.pop()) {
      const level = levels.pop() ?? depth;
      this.#load(next, level === depth ? LEAF : BRANCH);
      if (level === depth) this.#checkLeaf(next);
      else
        for (const child of this.#children(next)) {
          pages.push(child);
          levels.push(level + 1);
        }
      if (!walk) return;
    }
  }

  #load(number: number, kind: number): void {
    if (!(number > 1 && number < this.#count)) this.#damaged(number, 'it is not within the file');
    const bit = 1 << (number & 7);
    if ((this.#seen[number >> 3] & bit) !== 0) this.#damaged(number, 'it is reached twice');
    this.#seen[number >> 3] |= bit;
    readSync(this.#fd, this.#page, 0, this.#pageSize, number * this.#pageSize);
    if (Number(this.#view.getBigUint64(0, true)) !== number) this.#damaged(number, 'it has another number');
    if ((this.#view.getUint16(18, true) & 0xff) !== kind) this.#damaged(number, 'it is of another kind');
    if (kind === OVERFLOW) return;
    const room = this.#pageSize - HEADER_BYTES;
    const lower = this.#view.getUint16(20, true);
    const upper = this.#view.getUint16(22, true);
    if (lower % 2 !== 0 || lower > upper || upper > room) this.#damaged(number, 'its bounds cannot be');
  }

  #children(number: number): readonly number[] {
    const count = this.#view.getUint16(20, true) >> 1;
    const children: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const at = this.#node(number, i, 0);
      const low = this.#view.getUint16(at, true) + this.#view.getUint16(at + 2, true) * 2 ** 16;
      children.push(low + this.#view.getUint16(at + 4, true) * 2 ** 32);
    }
    if (count === 0) this.#damaged(number, 'it is empty');
    return children;
  }

  #checkLeaf(number: number): void {
    const count = this.#view.getUint16(20, true) >> 1;
    const big: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const at = this.#node(number, i, 0);
      const flags = this.#view.getUint16(at + 4, true);
      const size = this.#view.getUint16(at, true) + this.#view.getUint16(at + 2, true) * 2 ** 16;
      if (flags > BIG_VALUE) this.#damaged(number, 'an entry is of another kind');
      this.#node(number, i, flags === BIG_VALUE ? OVERFLOW_BYTES : size);
      if (flags !== BIG_VALUE) continue;
      const value = at + NODE_BYTES + this.#view.getUint16(at + 6, true);
      big.push(Number(this.#view.getBigUint64(value, true)), size);
    }
    for (let i = 0; i < big.length; i += 2) this.#checkOverflow(big[i], big[i + 1]);
  }

  #checkOverflow(number: number, size: number): void {
    this.#load(number, OVERFLOW);
    const pages = this.#view.getUint32(20, true);
    if (pages < 1 || number + pages > this.#count) this.#damaged(number, 'it is not within the file');
    if (size + HEADER_BYTES > pages * this.#pageSize) this.#damaged(number, 'its value is longer');
  }

  /** Where a node begins, all of it within the page. */
  #node(number: number, index: number, valueBytes: number): number {
    const at = HEADER_BYTES + this.#view.getUint16(HEADER_BYTES + index * 2, true);
    const least = HEADER_BYTES + this.#view.getUint16(22, true);
    if (at < least || at + NODE_BYTES > this.#pageSize) this.#damaged(number, 'an entry is not within it');
    const end = at + NODE_BYTES + this.#view.getUint16(at + 6, true) + valueBytes;
    if (end > this.#pageSize) this.#damaged(number, 'an entry is not within it');
    return at;
  }

  #damaged(page: number, reason: string): never {
    throw fail('STORE_CORRUPT', { path: this.#path, reason: `page ${page}: ${reason}` });
  }
}
