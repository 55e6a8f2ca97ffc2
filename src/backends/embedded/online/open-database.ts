import type { RootDatabase } from 'lmdb';
import { projectPackage } from '../../../process/project-package.ts';

/** Opens a store's LMDB file; the threads of one process that do share it. Error: CONFIG_PACKAGES. */
export function openDatabase(file: string, access: 'write' | 'read'): RootDatabase<Uint8Array, Uint8Array> {
  return projectPackage('lmdb').open<Uint8Array, Uint8Array>({
    path: file,
    encoding: 'binary',
    keyEncoding: 'binary',
    readOnly: access === 'read',
    noSubdir: true,
  });
}
