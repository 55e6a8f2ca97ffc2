import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes the names in a folder durable: a new file is lost with the power until its folder is synced. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
