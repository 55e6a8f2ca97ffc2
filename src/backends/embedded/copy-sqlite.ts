import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const BUSY_TIMEOUT_MS = 5_000;

/** Copies a SQLite file as of one transaction while processes may write; nothing where there is none. */
export function copySqlite(from: string, to: string): void {
  if (!existsSync(from)) return;
  // As one of the processes that write: a read-only connection has no locks of its own where the log of changes begins.
  const database = new DatabaseSync(from, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } finally {
    database.close();
  }
}
