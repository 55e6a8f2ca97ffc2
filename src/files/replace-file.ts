import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from './sync-folder.ts';

/**
 * Replaces a file as a whole. Its content is written under `<path>.tmp` and synced, then renamed, and the name is synced. After a
 * crash or a loss of power the file has its old or its new content. One process at a time may replace a file. Errors: those of
 * the file system; the old content stays.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode?: number): void {
  const next = `${path}.tmp`;
  try {
    // A file that a dead process left keeps its mode.
    if (mode !== undefined) rmSync(next, { force: true });
    const file = openSync(next, 'w', mode);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}
