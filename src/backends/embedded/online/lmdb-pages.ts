import { readSync } from 'node:fs';

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
export const HEADER_BYTES = 24;
export const TREE_BYTES = 48;
export const META_BYTES = HEADER_BYTES + 24 + 2 * TREE_BYTES + 16;
export const NODE_BYTES = 8;
const OVERFLOW_BYTES = 24;
export const [BRANCH, LEAF, OVERFLOW] = [1, 2, 4];
export const BIG_VALUE = 1;
export const DEEPEST = 32;
export const NO_ROOT = 2n ** 64n - 1n;

/** A page in memory. */
export interface Page {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes, to be compared: a slice of a Buffer is no copy, so nothing else takes it. */
  readonly buffer: Buffer<ArrayBuffer>;
  readonly view: DataView;
}

function readMeta(fd: number, at: number): DataView | null {
  const meta = new DataView(new ArrayBuffer(META_BYTES));
  const read = readSync(fd, new Uint8Array(meta.buffer), 0, META_BYTES, at);
  return read === META_BYTES && meta.getUint32(HEADER_BYTES, true) === MAGIC ? meta : null;
}

/** The meta page that counts, and the size of a page; null: it is no LMDB file. */
export function readNewest(fd: number): { readonly meta: DataView; readonly pageSize: number } | null {
  const first = readMeta(fd, 0);
  const pageSize = first?.getUint32(HEADER_BYTES + 24, true) ?? 0;
  const second = pageSize >= 512 && pageSize <= 0x8000 ? readMeta(fd, pageSize) : null;
  if (first === null || second === null) return null;
  return { meta: transactionOf(first) >= transactionOf(second) ? first : second, pageSize };
}

/** The transaction that a meta page is of. */
export function transactionOf(meta: DataView): bigint {
  return meta.getBigUint64(META_BYTES - 8, true);
}

/** Root and depth of the main tree; null where it is empty. */
export function mainTree(meta: DataView): { readonly root: number; readonly depth: number } | null {
  const at = HEADER_BYTES + 24 + TREE_BYTES;
  const root = meta.getBigUint64(at + TREE_BYTES - 8, true);
  return root >= NO_ROOT ? null : { root: Number(root), depth: meta.getUint16(at + 6, true) };
}

/** The last page that is in use. */
export function lastPage(meta: DataView): number {
  return Number(meta.getBigUint64(META_BYTES - 16, true));
}

/** Entries of the main tree, as a meta page says. */
export function entriesOf(meta: DataView): number {
  return Number(meta.getBigUint64(HEADER_BYTES + 24 + TREE_BYTES + 32, true));
}

export function pageOf(size: number): Page {
  const bytes = new Uint8Array(size);
  return { bytes, buffer: Buffer.from(bytes.buffer), view: new DataView(bytes.buffer) };
}

export function nodeAt({ view }: Page, index: number): number {
  return HEADER_BYTES + view.getUint16(HEADER_BYTES + index * 2, true);
}

export function keyOf({ bytes, view }: Page, at: number): Uint8Array {
  return bytes.subarray(at + NODE_BYTES, at + NODE_BYTES + view.getUint16(at + 6, true));
}

export function sizeOf({ view }: Page, at: number): number {
  return view.getUint16(at, true) + view.getUint16(at + 2, true) * 2 ** 16;
}

/** The page that a node of a branch leads to. */
export function childOf(page: Page, at: number): number {
  return sizeOf(page, at) + page.view.getUint16(at + 4, true) * 2 ** 32;
}

/** Nodes of a branch or leaf. */
export function countOf({ view }: Page): number {
  return view.getUint16(20, true) >> 1;
}

/** The value of a node of a leaf that is no overflow. */
export function smallValue(page: Page, at: number): Uint8Array {
  const from = at + NODE_BYTES + page.view.getUint16(at + 6, true);
  return page.bytes.subarray(from, from + sizeOf(page, at));
}

/** Index of the child of a branch whose span has a key. Hot path: makes no views of keys. */
export function childFor(page: Page, key: Uint8Array): number {
  const { buffer, view } = page;
  let low = 0;
  let high = countOf(page) - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const at = nodeAt(page, middle);
    const start = at + NODE_BYTES;
    // Of the page before the key: at most 0 where the child's first key is not after it.
    if (buffer.compare(key, 0, key.length, start, start + view.getUint16(at + 6, true)) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Throws what is wrong with a page. */
export type Refuse = (reason: string) => never;

/** Checks that a page is the one it should be, of a transaction up to `newest`, and its bounds. */
export function checkHeader(
  { bytes, view }: Page,
  { number, kind, newest }: { readonly number: number; readonly kind: number; readonly newest: bigint },
  refuse: Refuse,
): void {
  if (Number(view.getBigUint64(0, true)) !== number) refuse('it has another number');
  if (view.getBigUint64(8, true) > newest) refuse('it is of a later transaction');
  if ((view.getUint16(18, true) & 0xff) !== kind) refuse('it is of another kind');
  if (kind === OVERFLOW) return;
  const lower = view.getUint16(20, true);
  const upper = view.getUint16(22, true);
  if (lower % 2 !== 0 || lower > upper || upper > bytes.length - HEADER_BYTES) refuse('its bounds cannot be');
}

/** Between which keys those of a page must be; null: any. */
export interface PageBounds {
  readonly isLeaf: boolean;
  readonly ordered: boolean;
  readonly low: Uint8Array | null;
  readonly high: Uint8Array | null;
}

/** Checks that nodes lie within their page, keys in order; gives their number. */
export function checkNodes(page: Page, { isLeaf, ordered, low, high }: PageBounds, refuse: Refuse): number {
  const count = countOf(page);
  if (count < (isLeaf ? 1 : 2)) refuse('it is empty');
  const { bytes } = page;
  // A view of each key would cost more than its comparison.
  let [before, beforeEnd] = [-1, -1];
  for (let i = 0; i < count; i += 1) {
    const at = nodeAt(page, i);
    if (at < HEADER_BYTES + page.view.getUint16(22, true) || at + NODE_BYTES > page.bytes.length)
      refuse('an entry is not within it');
    const [key, keyEnd] = [at + NODE_BYTES, at + NODE_BYTES + page.view.getUint16(at + 6, true)];
    if (keyEnd + (isLeaf ? valueBytes(page, at, refuse) : 0) > bytes.length) refuse('an entry is not within it');
    if (!ordered || (!isLeaf && i === 0)) continue;
    const isAfter =
      before < 0
        ? low === null || compareBytes(bytes, key, keyEnd, low, 0, low.length) >= 0
        : compareBytes(bytes, key, keyEnd, bytes, before, beforeEnd) > 0;
    if (!isAfter) refuse('its keys are not in order');
    [before, beforeEnd] = [key, keyEnd];
  }
  if (high !== null && before >= 0 && compareBytes(bytes, before, beforeEnd, high, 0, high.length) >= 0)
    refuse('its keys are not in order');
  return count;
}

/** Compares keys as LMDB orders them. They are short and begin alike, so a call out of JavaScript would cost more. Hot path. */
function compareBytes(
  a: Uint8Array,
  from: number,
  to: number,
  b: Uint8Array,
  otherFrom: number,
  otherTo: number,
): number {
  const length = Math.min(to - from, otherTo - otherFrom);
  for (let i = 0; i < length; i += 1) {
    const difference = a[from + i] - b[otherFrom + i];
    if (difference !== 0) return difference;
  }
  return to - from - (otherTo - otherFrom);
}

function valueBytes(page: Page, at: number, refuse: Refuse): number {
  const flags = page.view.getUint16(at + 4, true);
  if (flags > BIG_VALUE) refuse('an entry is of another kind');
  return flags === BIG_VALUE ? OVERFLOW_BYTES : sizeOf(page, at);
}
