import { open, type RootDatabase } from 'lmdb';

/** Opens a store's LMDB file; the threads of one process that do share it. */
export function openDatabase(file: string, access: 'write' | 'read'): RootDatabase<Uint8Array, Uint8Array> {
  return open<Uint8Array, Uint8Array>({
    path: file,
    encoding: 'binary',
    keyEncoding: 'binary',
    readOnly: access === 'read',
    noSubdir: true,
  });
}
