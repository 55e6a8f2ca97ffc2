import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { acquireLock, type Lock } from '../backends/embedded/lock.ts';

/** Takes the locks of the stores that a directory has, as the process that writes them would; null: another process has one. */
export function holdStores(directory: string, stores: readonly string[]): Lock | null {
  const locks: Lock[] = [];
  const release = () => {
    for (const lock of locks) lock.release();
  };
  for (const store of stores.filter((name) => existsSync(join(directory, name)))) {
    const lock = acquireLock(join(directory, store, 'lock'));
    if (lock === null) {
      release();
      return null;
    }
    locks.push(lock);
  }
  return { release };
}
