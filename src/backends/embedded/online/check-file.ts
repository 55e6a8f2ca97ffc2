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
 * free     = count:u64 *entry        ; value in the free tree: pages that are not in use
 * entry    = page:i64 / length:i64 page:i64 / 0
 *                                    ; a length is negative: so many pages from `page` on
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
/** 16 TiB of pages of 4 KiB. */
const MOST_PAGES = 2 ** 32;
const NO_ROOT = 2n ** 64n - 1n;

/** Whether what stands under a key can be what was put there. */
export type IsSound = (key: Uint8Array, value: Uint8Array) => boolean;

/**
 * Walks the pages of an LMDB file before it is mapped: LMDB itself believes what stands in them, and ends the process, or
 * finds nothing where something is, if that is damaged. Every page that can be reached must be the page it says it is, of
 * the right kind, its nodes within it, its keys in order and between those of the pages above, its values sound; none of them may be of a later transaction, or
 * free; and a tree must have as many pages and entries as it says. A file that
 * is absent or empty is a new store. One that a process writes to meanwhile cannot be walked: `isSound` is null then, and
 * only the roots are looked at. Error: STORE_CORRUPT.
 */
export function checkFile(path: string, isSound: IsSound | null): void {
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size > 0) checkPages(path, fd, size, isSound);
  } finally {
    closeSync(fd);
  }
}

function checkPages(path: string, fd: number, size: number, isSound: IsSound | null): void {
  const first = readMeta(fd, 0);
  const pageSize = first?.getUint32(HEADER_BYTES + 24, true) ?? 0;
  const second = pageSize >= 512 && pageSize <= 0x8000 ? readMeta(fd, pageSize) : null;
  if (first === null || second === null) throw fail('STORE_CORRUPT', { path, reason: 'it is no LMDB file' });
  const transaction = META_BYTES - 8;
  const meta = first.getBigUint64(transaction, true) >= second.getBigUint64(transaction, true) ? first : second;
  const last = Number(meta.getBigUint64(META_BYTES - 16, true));
  if (!(last >= 1 && last < MOST_PAGES)) throw fail('STORE_CORRUPT', { path, reason: 'its last page cannot be' });
  const seen = new Uint8Array(Math.floor(last / 8) + 1);
  const newest = meta.getBigUint64(transaction, true);
  const file = { path, fd, pageSize, pages: Math.min(last + 1, Math.floor(size / pageSize)), newest, seen };
  const [free, main] = [HEADER_BYTES + 24, HEADER_BYTES + 24 + TREE_BYTES];
  const lists: Uint8Array[] = [];
  const keep: IsSound = (_, list) => lists.push(list.slice()) > 0;
  // Keys of the free tree are numbers in the machine's order.
  const trees = [
    { at: main, ordered: true, isSound },
    { at: free, ordered: false, isSound: isSound && keep },
  ];
  for (const { at, ordered, isSound: sound } of trees) {
    const root = meta.getBigUint64(at + TREE_BYTES - 8, true);
    const depth = meta.getUint16(at + 6, true);
    if (root >= NO_ROOT) continue;
    const found = new TreeCheck(file, depth, ordered, sound).check(Number(root));
    if (sound === null) continue;
    const told = ([8, 16, 24, 32] as const).map((member) => Number(meta.getBigUint64(at + member, true)));
    if (told.some((count, i) => count !== found[i]))
      throw fail('STORE_CORRUPT', { path, reason: 'a tree has not as many pages and entries as it says' });
  }
  for (const list of lists)
    if (!isFreeList(list, last, seen))
      throw fail('STORE_CORRUPT', { path, reason: 'a page that is in use, or none, is free' });
}

/** Whether a list names pages that are not in use, each once; notes them. */
function isFreeList(list: Uint8Array, last: number, seen: Uint8Array): boolean {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const words = list.length >> 3;
  if (words === 0 || view.getBigUint64(0, true) >= words) return false;
  const end = Number(view.getBigUint64(0, true)) + 1;
  for (let i = 1; i < end; i += 1) {
    const word = Number(view.getBigInt64(i * 8, true));
    if (word === 0) continue;
    const length = word < 0 ? -word : 1;
    if (word < 0) i += 1;
    const from = i < end ? Number(view.getBigInt64(i * 8, true)) : 0;
    if (!(from > 1 && from + length - 1 <= last)) return false;
    for (let page = from; page < from + length; page += 1) {
      const bit = 1 << (page & 7);
      if ((seen[Math.floor(page / 8)] & bit) !== 0) return false;
      seen[Math.floor(page / 8)] |= bit;
    }
  }
  return true;
}

function readMeta(fd: number, at: number): DataView | null {
  const meta = new DataView(new ArrayBuffer(META_BYTES));
  const read = readSync(fd, new Uint8Array(meta.buffer), 0, META_BYTES, at);
  return read === META_BYTES && meta.getUint32(HEADER_BYTES, true) === MAGIC ? meta : null;
}

interface PagedFile {
  readonly path: string;
  readonly fd: number;
  readonly pageSize: number;
  readonly pages: number;
  /** The last transaction. */
  readonly newest: bigint;
  /** A bit by page: those in use so far. */
  readonly seen: Uint8Array;
}

/** A page in memory. */
interface Page {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Hot path. */
class TreeCheck {
  readonly #file: PagedFile;
  readonly #depth: number;
  readonly #ordered: boolean;
  readonly #isSound: IsSound | null;
  /** One page by level: a walk needs those above. */
  readonly #levels: readonly Page[];
  readonly #overflow: Page;
  #branches = 0;
  #leaves = 0;
  #overflows = 0;
  #entries = 0;

  constructor(file: PagedFile, depth: number, ordered: boolean, isSound: IsSound | null) {
    this.#file = file;
    this.#depth = depth;
    this.#ordered = ordered;
    this.#isSound = isSound;
    this.#levels = Array.from({ length: Math.min(depth, DEEPEST) }, () => pageOf(file.pageSize));
    this.#overflow = pageOf(file.pageSize);
  }

  /** How many pages of branches, of leaves and of overflow were reached, and how many entries. */
  check(root: number): readonly [branches: number, leaves: number, overflows: number, entries: number] {
    if (this.#depth < 1 || this.#depth > DEEPEST) this.#damaged(root, 'its depth cannot be');
    this.#checkPage(root, 0, null, null);
    return [this.#branches, this.#leaves, this.#overflows, this.#entries];
  }

  /** Checks a page and those below it, whose keys must be in [low, high). */
  #checkPage(number: number, level: number, low: Uint8Array | null, high: Uint8Array | null): void {
    const isLeaf = level === this.#depth - 1;
    const page = this.#levels[level];
    this.#load(page, number, isLeaf ? LEAF : BRANCH);
    const count = this.#checkNodes(page, number, isLeaf, low, high);
    if (isLeaf) {
      this.#leaves += 1;
      this.#entries += count;
    } else this.#branches += 1;
    if (this.#isSound === null) return;
    for (let i = 0; i < count; i += 1) {
      const at = nodeAt(page, i);
      if (isLeaf) this.#checkEntry(page, number, at, this.#isSound);
      else {
        const child = sizeOf(page, at) + page.view.getUint16(at + 4, true) * 2 ** 32;
        this.#checkPage(
          child,
          level + 1,
          i === 0 ? low : keyOf(page, at),
          i + 1 < count ? keyOf(page, nodeAt(page, i + 1)) : high,
        );
      }
    }
  }

  /** Checks that nodes lie within their page, keys in order; gives their number. */
  #checkNodes(page: Page, number: number, isLeaf: boolean, low: Uint8Array | null, high: Uint8Array | null): number {
    const count = page.view.getUint16(20, true) >> 1;
    if (count < (isLeaf ? 1 : 2)) this.#damaged(number, 'it is empty');
    let before = low;
    for (let i = 0; i < count; i += 1) {
      const at = nodeAt(page, i);
      if (at < HEADER_BYTES + page.view.getUint16(22, true) || at + NODE_BYTES > page.bytes.length)
        this.#damaged(number, 'an entry is not within it');
      const end =
        at + NODE_BYTES + page.view.getUint16(at + 6, true) + (isLeaf ? this.#valueBytes(page, number, at) : 0);
      if (end > page.bytes.length) this.#damaged(number, 'an entry is not within it');
      if (!this.#ordered || (!isLeaf && i === 0)) continue;
      const key = keyOf(page, at);
      const order = before === null ? 1 : Buffer.compare(key, before);
      if (order < 0 || (order === 0 && before !== low)) this.#damaged(number, 'its keys are not in order');
      before = key;
    }
    if (this.#ordered && high !== null && before !== null && Buffer.compare(before, high) >= 0)
      this.#damaged(number, 'its keys are not in order');
    return count;
  }

  #valueBytes(page: Page, number: number, at: number): number {
    const flags = page.view.getUint16(at + 4, true);
    if (flags > BIG_VALUE) this.#damaged(number, 'an entry is of another kind');
    return flags === BIG_VALUE ? OVERFLOW_BYTES : sizeOf(page, at);
  }

  #checkEntry(page: Page, number: number, at: number, isSound: IsSound): void {
    const size = sizeOf(page, at);
    const valueAt = at + NODE_BYTES + page.view.getUint16(at + 6, true);
    const isBig = page.view.getUint16(at + 4, true) === BIG_VALUE;
    const value = isBig
      ? this.#bigValue(Number(page.view.getBigUint64(valueAt, true)), size)
      : page.bytes.subarray(valueAt, valueAt + size);
    if (!isSound(keyOf(page, at), value)) this.#damaged(number, 'the sum of an entry does not fit');
  }

  #bigValue(number: number, size: number): Uint8Array {
    const { fd, pageSize, pages: all } = this.#file;
    this.#load(this.#overflow, number, OVERFLOW);
    const pages = this.#overflow.view.getUint32(20, true);
    if (pages < 1 || number + pages > all) this.#damaged(number, 'it is not within the file');
    if (size + HEADER_BYTES > pages * pageSize) this.#damaged(number, 'its value is longer');
    this.#overflows += pages;
    const value = new Uint8Array(size);
    readSync(fd, value, 0, size, number * pageSize + HEADER_BYTES);
    return value;
  }

  #load(page: Page, number: number, kind: number): void {
    const { fd, pageSize, pages, newest, seen } = this.#file;
    if (!(number > 1 && number < pages)) this.#damaged(number, 'it is not within the file');
    const bit = 1 << (number & 7);
    if ((seen[Math.floor(number / 8)] & bit) !== 0) this.#damaged(number, 'it is reached twice');
    seen[Math.floor(number / 8)] |= bit;
    readSync(fd, page.bytes, 0, pageSize, number * pageSize);
    if (Number(page.view.getBigUint64(0, true)) !== number) this.#damaged(number, 'it has another number');
    if (page.view.getBigUint64(8, true) > newest) this.#damaged(number, 'it is of a later transaction');
    if ((page.view.getUint16(18, true) & 0xff) !== kind) this.#damaged(number, 'it is of another kind');
    if (kind === OVERFLOW) return;
    const lower = page.view.getUint16(20, true);
    const upper = page.view.getUint16(22, true);
    if (lower % 2 !== 0 || lower > upper || upper > pageSize - HEADER_BYTES)
      this.#damaged(number, 'its bounds cannot be');
  }

  #damaged(page: number, reason: string): never {
    throw fail('STORE_CORRUPT', { path: this.#file.path, reason: `page ${page}: ${reason}` });
  }
}

function pageOf(size: number): Page {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

function nodeAt({ view }: Page, index: number): number {
  return HEADER_BYTES + view.getUint16(HEADER_BYTES + index * 2, true);
}

function keyOf({ bytes, view }: Page, at: number): Uint8Array {
  return bytes.subarray(at + NODE_BYTES, at + NODE_BYTES + view.getUint16(at + 6, true));
}

function sizeOf({ view }: Page, at: number): number {
  return view.getUint16(at, true) + view.getUint16(at + 2, true) * 2 ** 16;
}
