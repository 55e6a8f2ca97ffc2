import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';
import {
  BIG_VALUE,
  BRANCH,
  checkHeader,
  checkNodes,
  childOf,
  DEEPEST,
  entriesOf,
  HEADER_BYTES,
  keyOf,
  LEAF,
  META_BYTES,
  NO_ROOT,
  NODE_BYTES,
  nodeAt,
  OVERFLOW,
  type Page,
  pageOf,
  readNewest,
  sizeOf,
  TREE_BYTES,
  transactionOf,
} from './lmdb-pages.ts';

/** How a file was checked. */
export interface FileCheck {
  /** Whether every page was. */
  readonly isWhole: boolean;
  readonly pages: number;
  /** Pages that were read. */
  readonly read: number;
  readonly entries: number;
}

const NEW_FILE: FileCheck = { isWhole: true, pages: 0, read: 0, entries: 0 };

/** 16 TiB of pages of 4 KiB. */
const MOST_PAGES = 2 ** 32;

/** Whether a value can be one that was stored under the key. */
export type IsSound = (key: Uint8Array, value: Uint8Array) => boolean;

/**
 * The pages that a check reads: the roots alone, of a file that a process writes to or that is large; the branches and the list of
 * free pages, about a page in forty; or all, with the values.
 */
export type CheckReach =
  | { readonly kind: 'roots' }
  | { readonly kind: 'branches' }
  | { readonly kind: 'all'; readonly isSound: IsSound };

/**
 * Walks the pages of an LMDB file that nobody writes. LMDB trusts its pages: damage ends the process or hides entries.
 * Every reachable page must have its own number and the right kind, nodes within it, keys in order and between those of
 * its parents, and sound values. No page may be of a later transaction, or free. A tree must have as many pages and
 * entries as it says. A file that is absent or empty is a new store. Pages that the walk leaves out are checked before
 * they are used (`page-check.ts`). Error: STORE_CORRUPT.
 */
export function checkFile(path: string, reach: CheckReach): FileCheck {
  if (!existsSync(path)) return NEW_FILE;
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    return size > 0 ? checkPages(path, fd, size, reach) : NEW_FILE;
  } finally {
    closeSync(fd);
  }
}

/** As `checkFile`: the whole of a file of up to `mostBytes`, the roots of a larger one. */
export function checkToOpen(path: string, isSound: IsSound, mostBytes: number): FileCheck {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return checkFile(path, size > mostBytes ? { kind: 'roots' } : { kind: 'all', isSound });
}

function checkPages(path: string, fd: number, size: number, reach: CheckReach): FileCheck {
  const found = readNewest(fd);
  if (found === null) throw fail('STORE_CORRUPT', { path, reason: 'it is no LMDB file' });
  const { meta, pageSize } = found;
  const last = Number(meta.getBigUint64(META_BYTES - 16, true));
  if (!(last >= 1 && last < MOST_PAGES)) throw fail('STORE_CORRUPT', { path, reason: 'its last page cannot be' });
  const seen = new Uint8Array(Math.floor(last / 8) + 1);
  const newest = transactionOf(meta);
  const file = { path, fd, pageSize, pages: Math.min(last + 1, Math.floor(size / pageSize)), newest, seen, read: 0 };
  const [free, main] = [HEADER_BYTES + 24, HEADER_BYTES + 24 + TREE_BYTES];
  const lists: Uint8Array[] = [];
  const keep: IsSound = (_, list) => lists.push(list.slice()) > 0;
  const isWhole = reach.kind === 'all';
  const isSound = isWhole ? reach.isSound : reach.kind === 'roots' ? null : anyValue;
  // Keys of the free tree are numbers in the machine's order.
  const trees = [
    { at: main, ordered: true, isSound, readsLeaves: isWhole },
    { at: free, ordered: false, isSound: isSound && keep, readsLeaves: true },
  ];
  for (const { at, ordered, isSound: sound, readsLeaves } of trees) {
    const root = meta.getBigUint64(at + TREE_BYTES - 8, true);
    const depth = meta.getUint16(at + 6, true);
    if (root >= NO_ROOT) continue;
    const found = new TreeCheck(file, depth, ordered, sound, readsLeaves).check(Number(root));
    if (sound === null) continue;
    const told = ([8, 16, 24, 32] as const).map((member) => Number(meta.getBigUint64(at + member, true)));
    // Large values and entries are counted by the leaves.
    const counted = readsLeaves || depth < 2 ? 4 : 2;
    if (told.slice(0, counted).some((count, i) => count !== found[i]))
      throw fail('STORE_CORRUPT', { path, reason: 'a tree has not as many pages and entries as it says' });
  }
  for (const list of lists)
    if (!isFreeList(list, last, seen))
      throw fail('STORE_CORRUPT', { path, reason: 'a page that is in use, or none, is free' });
  return { isWhole, pages: file.pages, read: file.read, entries: entriesOf(meta) };
}

function anyValue(): true {
  return true;
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

interface PagedFile {
  readonly path: string;
  readonly fd: number;
  readonly pageSize: number;
  readonly pages: number;
  /** The last transaction. */
  readonly newest: bigint;
  /** A bit by page: those in use so far. */
  readonly seen: Uint8Array;
  /** Pages that were read. */
  read: number;
}

/** Hot path. */
class TreeCheck {
  readonly #file: PagedFile;
  readonly #depth: number;
  readonly #ordered: boolean;
  readonly #isSound: IsSound | null;
  readonly #readsLeaves: boolean;
  /** One page by level: a walk needs those above. */
  readonly #levels: readonly Page[];
  readonly #overflow: Page;
  #branches = 0;
  #leaves = 0;
  #overflows = 0;
  #entries = 0;

  constructor(file: PagedFile, depth: number, ordered: boolean, isSound: IsSound | null, readsLeaves: boolean) {
    this.#readsLeaves = readsLeaves;
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
    const bounds = { isLeaf, ordered: this.#ordered, low, high };
    const count = checkNodes(page, bounds, (reason) => this.#damaged(number, reason));
    if (isLeaf) {
      this.#leaves += 1;
      this.#entries += count;
    } else this.#branches += 1;
    if (this.#isSound === null) return;
    for (let i = 0; i < count; i += 1) {
      const at = nodeAt(page, i);
      if (isLeaf) this.#checkEntry(page, number, at, this.#isSound);
      else {
        const child = childOf(page, at);
        if (!this.#readsLeaves && level === this.#depth - 2) {
          this.#note(child);
          this.#leaves += 1;
          continue;
        }
        this.#checkPage(
          child,
          level + 1,
          i === 0 ? low : keyOf(page, at),
          i + 1 < count ? keyOf(page, nodeAt(page, i + 1)) : high,
        );
      }
    }
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

  /** Notes that a page is in use. */
  #note(number: number): void {
    const { pages, seen } = this.#file;
    if (!(number > 1 && number < pages)) this.#damaged(number, 'it is not within the file');
    const bit = 1 << (number & 7);
    if ((seen[Math.floor(number / 8)] & bit) !== 0) this.#damaged(number, 'it is reached twice');
    seen[Math.floor(number / 8)] |= bit;
  }

  #load(page: Page, number: number, kind: number): void {
    const { fd, pageSize, newest } = this.#file;
    this.#note(number);
    this.#file.read += 1;
    readSync(fd, page.bytes, 0, pageSize, number * pageSize);
    checkHeader(page, { number, kind, newest }, (reason) => this.#damaged(number, reason));
  }

  #damaged(page: number, reason: string): never {
    throw fail('STORE_CORRUPT', { path: this.#file.path, reason: `page ${page}: ${reason}` });
  }
}
