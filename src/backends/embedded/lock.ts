import { DatabaseSync } from 'node:sqlite';

/** A held lock. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock file at `path` (made if absent); null if it is held, by this process or another. The lock is the
 * operating system's own, taken through an empty SQLite database: it ends with the process however that dies, and no
 * process id has to be guessed alive.
 */
export function acquireLock(path: string): Lock | null {
  const file = new DatabaseSync(path);
  try {
    file.exec('PRAGMA busy_timeout = 0');
    file.exec('PRAGMA locking_mode = EXCLUSIVE');
    file.exec('PRAGMA journal_mode = MEMORY');
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if (isBusy(error)) return null;
    throw error;
  }
  return { release: () => file.close() };
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
