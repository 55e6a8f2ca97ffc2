import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Copies a registry as of one transaction while processes may write; nothing where there is none. */
export function copyRegistry(from: string, to: string): void {
  if (!existsSync(from)) return;
  // As one of the processes that write: a read-only connection has no locks of its own where the log of changes begins.
  const database = new DatabaseSync(from, { timeout: 5_000 });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } finally {
    database.close();
  }
}
