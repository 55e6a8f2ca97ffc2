import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectPackage } from '../../../process/project-package.ts';
import { checkFile } from './check-file.ts';

/**
 * Copies the store of a directory as of one commit while a process may write; nothing where there is no store.
 * Error: STORE_CORRUPT, before the file is mapped: LMDB ends the process where it cannot open a file.
 */
export async function copyOnlineStore(from: string, to: string): Promise<void> {
  const file = join(from, 'tiles.mdb');
  if (!existsSync(file) || statSync(file).size === 0) return;
  checkFile(file, { kind: 'roots' });
  mkdirSync(to, { recursive: true });
  const database = projectPackage('lmdb').open({ path: file, readOnly: true, noSubdir: true });
  try {
    // Not compacted: a page is copied as it is, and its sums with it.
    await database.backup(join(to, 'tiles.mdb'), false);
  } finally {
    await database.close();
  }
}
