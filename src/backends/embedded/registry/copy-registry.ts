import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Copies a registry as of one transaction, beside processes that write; nothing where there is none. */
export function copyRegistry(from: string, to: string): void {
  if (!existsSync(from)) return;
  const database = new DatabaseSync(from, { readOnly: true });
  try {
    database.prepare('VACUUM INTO ?').run(to);
  } finally {
    database.close();
  }
}
