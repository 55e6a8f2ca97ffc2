import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { fail } from '../../../base/errors/fail.ts';

/** MDB_MAGIC of LMDB's meta pages. */
const MAGIC = 0xbeefc0de;

/** Offset of the meta data in a page. */
const META_AT = 16;

/**
 * Looks at the meta pages of an LMDB file before it is mapped: a file that is none would end the process. A file that is
 * absent or empty is a new store. Error: STORE_CORRUPT.
 */
export function checkFile(path: string): void {
  if (!existsSync(path)) return;
  const { size } = statSync(path);
  if (size === 0) return;
  const page = new DataView(new ArrayBuffer(META_AT + 32));
  const fd = openSync(path, 'r');
  try {
    const read = readSync(fd, new Uint8Array(page.buffer), 0, page.byteLength, 0);
    if (read < page.byteLength || page.getUint32(META_AT, true) !== MAGIC) {
      throw fail('STORE_CORRUPT', { path, reason: 'it is no LMDB file' });
    }
  } finally {
    closeSync(fd);
  }
}
