import { closeSync, openSync, readSync } from 'node:fs';
import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { isSealed } from './entry-sum.ts';
import { KeptBranches } from './kept-branches.ts';
import {
  BIG_VALUE,
  BRANCH,
  checkHeader,
  checkNodes,
  childFor,
  childOf,
  countOf,
  DEEPEST,
  HEADER_BYTES,
  keyOf,
  LEAF,
  lastPage,
  mainTree,
  NODE_BYTES,
  nodeAt,
  OVERFLOW,
  type Page,
  pageOf,
  readNewest,
  sizeOf,
  smallValue,
  transactionOf,
} from './lmdb-pages.ts';

/** The checked branches and leaves of a file, shared by the threads of a process. */
export interface CheckedPages {
  /** Pages that the file had when it was opened; those after it were written since. */
  readonly pages: number;
  /** A bit by page: it was checked. A bit that a race loses is checked again. */
  readonly checked: SharedArrayBuffer;
  /** Whether the branches are checked as a whole; whether all pages are. */
  readonly state: SharedArrayBuffer;
}

/** Places of the state. */
export const [MAPPED, DONE] = [0, 1];

export function uncheckedPages(pages: number): CheckedPages {
  return {
    pages,
    checked: new SharedArrayBuffer(Math.floor(pages / 8) + 1),
    state: new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Sees the keys of a leaf. */
export type SeeKey = (key: Uint8Array) => void;

/** Attempts while another thread commits: each finds a newer state. */
const MOST_ATTEMPTS = 10_000;

/** A tree as of one transaction. */
interface Tree {
  readonly root: number;
  readonly depth: number;
  readonly newest: bigint;
  readonly last: number;
}

/** Which leaves of a span are checked: that of the first key; all and the next one; or the neighbours as well. */
export type Reach = 'key' | 'span' | 'around';

/**
 * Checks the branches and leaves of an LMDB file before LMDB uses them, each once: it believes their contents, and ends the process
 * if they are damaged. Another thread may commit meanwhile: damage that is found counts if the state is still the newest.
 * Hot path until the scrub has checked all leaves.
 */
export class PageCheck {
  readonly #path: string;
  readonly #fd: number;
  readonly #pages: CheckedPages;
  readonly #checked: Uint8Array;
  readonly #state: Int32Array;
  readonly #levels: Page[] = [];
  /** The tree that was walked last, and branches of it. */
  #tree: Tree | null = null;
  readonly #branches = new KeptBranches();
  readonly #pageSize: number;
  /** Leaves that are still to be looked at. */
  #left = 0;
  #isClosed = false;

  constructor(path: string, pages: CheckedPages) {
    this.#path = path;
    this.#fd = openSync(path, 'r');
    this.#pages = pages;
    this.#checked = new Uint8Array(pages.checked);
    this.#state = new Int32Array(pages.state);
    this.#pageSize = readNewest(this.#fd)?.pageSize ?? 0;
  }

  get isDone(): boolean {
    return Atomics.load(this.#state, DONE) === 1;
  }

  /**
   * Checks the leaves that LMDB looks at for keys from `start` to `end`, or for the first `most` entries of them: a leaf has one at least.
   * Error: STORE_CORRUPT.
   */
  check(start: Uint8Array, end: Uint8Array, reach: Reach, most = Number.POSITIVE_INFINITY): void {
    if (this.isDone) {
      this.#forget(null);
      return;
    }
    // A leaf that is not in the newest tree any more was rewritten by this process, which checked it and, for a removal, its neighbours.
    const kept = reach === 'key' ? this.#tree : null;
    this.#attempt((tree) => {
      this.#left = most + 1;
      this.#walk(tree, { start, end, reach }, tree.root, 0, tree.newest, null, null);
      return null;
    }, kept);
  }

  /** Checks the leaves of the branch that leads to a key, values included, and shows their keys; gives where the next begins, null at the end. Error: STORE_CORRUPT. */
  scrub(from: Uint8Array, see: SeeKey): Uint8Array | null {
    return this.#attempt((tree) => this.#scrubBranch(tree, from, see));
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.#fd);
    this.#isClosed = true;
  }

  /** Works on a tree that was kept, first, or on the newest. */
  #attempt<T>(work: (tree: Tree) => T, kept: Tree | null = null): T | null {
    for (let attempt = 0; ; attempt += 1) {
      const tree = (attempt === 0 ? kept : null) ?? this.#newestTree();
      if (tree === null) return null;
      if (tree.newest !== this.#tree?.newest) this.#forget(tree);
      try {
        return work(tree);
      } catch (error) {
        if (!isHeadraceError(error, 'STORE_CORRUPT') || attempt === MOST_ATTEMPTS) throw error;
        if (this.#newestTree()?.newest === tree.newest) throw error;
      }
    }
  }

  #forget(tree: Tree | null): void {
    this.#tree = tree;
    this.#branches.forget();
  }

  #newestTree(): Tree | null {
    const found = readNewest(this.#fd);
    if (found === null) throw fail('STORE_CORRUPT', { path: this.#path, reason: 'it is no LMDB file' });
    const tree = mainTree(found.meta);
    if (tree === null) return null;
    if (tree.depth < 1 || tree.depth > DEEPEST) this.#damaged(tree.root, 'its depth cannot be');
    return { ...tree, newest: transactionOf(found.meta), last: lastPage(found.meta) };
  }

  #walk(
    tree: Tree,
    span: { readonly start: Uint8Array; readonly end: Uint8Array; readonly reach: Reach },
    number: number,
    level: number,
    newest: bigint,
    low: Uint8Array | null,
    high: Uint8Array | null,
  ): void {
    if (level === tree.depth - 1) {
      this.#left -= 1;
      if (!this.#isChecked(number)) this.#checkLeaf(tree, number, newest, low, high, null);
      return;
    }
    const page = this.#branch(tree, number, level, newest, low, high);
    const count = countOf(page);
    const first = childFor(page, span.start);
    const isLast = level === tree.depth - 2;
    let beyond = false;
    for (let i = span.reach === 'around' && isLast && first > 0 ? first - 1 : first; i < count; i += 1) {
      const childLow = i === 0 ? low : keyOf(page, nodeAt(page, i));
      if (this.#left <= 0) return;
      if (i > first) {
        if (span.reach === 'key' || beyond) return;
        beyond = childLow !== null && Buffer.compare(childLow, span.end) > 0;
      }
      const childHigh = i + 1 < count ? keyOf(page, nodeAt(page, i + 1)) : high;
      const child = childOf(page, nodeAt(page, i));
      this.#walk(tree, span, child, level + 1, page.view.getBigUint64(8, true), childLow, childHigh);
    }
  }

  #scrubBranch(tree: Tree, from: Uint8Array, see: SeeKey): Uint8Array | null {
    let [number, newest] = [tree.root, tree.newest];
    let [low, high]: (Uint8Array | null)[] = [null, null];
    for (let level = 0; level < tree.depth - 1; level += 1) {
      const page = this.#branch(tree, number, level, newest, low, high);
      newest = page.view.getBigUint64(8, true);
      const count = countOf(page);
      const first = childFor(page, from);
      if (level === tree.depth - 2) {
        for (let i = first; i < count; i += 1) {
          const childLow = i === 0 ? low : keyOf(page, nodeAt(page, i));
          const childHigh = i + 1 < count ? keyOf(page, nodeAt(page, i + 1)) : high;
          this.#checkLeaf(tree, childOf(page, nodeAt(page, i)), newest, childLow, childHigh, see);
        }
        return high === null ? null : Uint8Array.from(high);
      }
      if (first > 0) low = keyOf(page, nodeAt(page, first));
      if (first + 1 < count) high = keyOf(page, nodeAt(page, first + 1));
      number = childOf(page, nodeAt(page, first));
    }
    this.#checkLeaf(tree, number, newest, null, null, see);
    return null;
  }

  #branch(
    tree: Tree,
    number: number,
    level: number,
    newest: bigint,
    low: Uint8Array | null,
    high: Uint8Array | null,
  ): Page {
    const kept = this.#branches.get(number);
    if (kept !== undefined) return kept;
    const page = this.#load(tree, number, level);
    const refuse = (reason: string) => this.#damaged(number, reason);
    // Always: a page that was written again meanwhile is of a later transaction.
    checkHeader(page, { number, kind: BRANCH, newest }, refuse);
    if (this.#isChecked(number)) {
      // Once the branches are checked as a whole. The next page of this level is read into other bytes.
      this.#branches.keep(number, page);
      this.#levels[level] = pageOf(this.#pageSize);
      return page;
    }
    checkNodes(page, { isLeaf: false, ordered: true, low, high }, refuse);
    this.#note(number);
    return page;
  }

  /** With `see`, checks values as well, whether the leaf was checked or not. */
  #checkLeaf(
    tree: Tree,
    number: number,
    newest: bigint,
    low: Uint8Array | null,
    high: Uint8Array | null,
    see: SeeKey | null,
  ): void {
    const page = this.#load(tree, number, tree.depth - 1);
    const refuse = (reason: string) => this.#damaged(number, reason);
    checkHeader(page, { number, kind: LEAF, newest }, refuse);
    const count = checkNodes(page, { isLeaf: true, ordered: true, low, high }, refuse);
    for (let i = 0; i < count; i += 1) {
      const at = nodeAt(page, i);
      const isBig = page.view.getUint16(at + 4, true) === BIG_VALUE;
      if (see === null && !isBig) continue;
      const value = isBig ? this.#bigValue(tree, page, at, see !== null) : smallValue(page, at);
      if (see === null) continue;
      const key = keyOf(page, at);
      // The format has no sum.
      if (key[0] !== 0 && !isSealed(key, value)) refuse('the sum of an entry does not fit');
      see(key);
    }
    this.#note(number);
  }

  #note(number: number): void {
    if (number < this.#pages.pages) this.#checked[number >>> 3] |= 1 << (number & 7);
  }

  /** Until the branches are checked as a whole, two may lead to one page: each way to it is checked. */
  #isChecked(number: number): boolean {
    if (Atomics.load(this.#state, MAPPED) === 0) return false;
    return number >= this.#pages.pages || (this.#checked[number >>> 3] & (1 << (number & 7))) !== 0;
  }

  /** Checks where a large value lies, and reads it if it is wanted. */
  #bigValue(tree: Tree, page: Page, at: number, isRead: boolean): Uint8Array {
    const size = sizeOf(page, at);
    const first = Number(page.view.getBigUint64(at + NODE_BYTES + page.view.getUint16(at + 6, true), true));
    const head = this.#load(tree, first, tree.depth);
    const refuse = (reason: string) => this.#damaged(first, reason);
    checkHeader(head, { number: first, kind: OVERFLOW, newest: tree.newest }, refuse);
    const pages = head.view.getUint32(20, true);
    if (pages < 1 || first + pages > tree.last + 1) refuse('it is not within the file');
    if (size + HEADER_BYTES > pages * this.#pageSize) refuse('its value is longer');
    const value = new Uint8Array(isRead ? size : 0);
    if (isRead) readSync(this.#fd, value, 0, size, first * this.#pageSize + HEADER_BYTES);
    return value;
  }

  #load(tree: Tree, number: number, level: number): Page {
    if (!(number > 1 && number <= tree.last)) this.#damaged(number, 'it is not within the file');
    this.#levels[level] ??= pageOf(this.#pageSize);
    const page = this.#levels[level];
    const read = readSync(this.#fd, page.bytes, 0, this.#pageSize, number * this.#pageSize);
    if (read < this.#pageSize) this.#damaged(number, 'it is not within the file');
    return page;
  }

  #damaged(page: number, reason: string): never {
    throw fail('STORE_CORRUPT', { path: this.#path, reason: `page ${page}: ${reason}` });
  }
}
