import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';

/**
 * The two meta pages of an LMDB file (lmdb.h and mdb.c of the LMDB that the package lmdb carries), little-endian:
 *
 * ```
 * page  = 24 bytes header, then meta
 * meta  = magic:u32 version:u32 address:8 mapSize:8 freeDb:48 mainDb:48 lastPage:u64 transaction:u64
 * ```
 * The first u32 of freeDb is the page size; the meta of the greater transaction counts.
 */
const MAGIC = 0xbeefc0de;
const META_AT = 24;
const PAGE_SIZE_AT = META_AT + 24;
const LAST_PAGE_AT = META_AT + 24 + 96;
const TRANSACTION_AT = LAST_PAGE_AT + 8;
const META_BYTES = TRANSACTION_AT + 8;

/**
 * Looks at an LMDB file before it is mapped: one that is none, or shorter than it says, would end the process. A file that
 * is absent or empty is a new store. Error: STORE_CORRUPT.
 */
export function checkFile(path: string): void {
  if (!existsSync(path)) return;
  const { size } = statSync(path);
  if (size === 0) return;
  const fd = openSync(path, 'r');
  try {
    const first = readMeta(fd, 0);
    const pageSize = first?.getUint32(PAGE_SIZE_AT, true) ?? 0;
    const second = pageSize >= 512 ? readMeta(fd, pageSize) : null;
    if (first === null || second === null) throw fail('STORE_CORRUPT', { path, reason: 'it is no LMDB file' });
    const newer = first.getBigUint64(TRANSACTION_AT, true) > second.getBigUint64(TRANSACTION_AT, true) ? first : second;
    const needed = (newer.getBigUint64(LAST_PAGE_AT, true) + 1n) * BigInt(pageSize);
    if (BigInt(size) < needed) throw fail('STORE_CORRUPT', { path, reason: `it has ${size} bytes of ${needed}` });
  } finally {
    closeSync(fd);
  }
}

function readMeta(fd: number, at: number): DataView | null {
  const meta = new DataView(new ArrayBuffer(META_BYTES));
  const read = readSync(fd, new Uint8Array(meta.buffer), 0, META_BYTES, at);
  return read === META_BYTES && meta.getUint32(META_AT, true) === MAGIC ? meta : null;
}
