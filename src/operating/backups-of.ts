import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';
import { AUDIT_FILE } from './audit-log.ts';
import { readManifest } from './backup-manifest.ts';

/** Backups of an environment that its audit log names and that have a file of it, the newest first. */
export function backupsWith(directory: string, file: string): readonly string[] {
  const path = relative(directory, file).replaceAll('\\', '/');
  return backupsOf(directory).filter((folder) => {
    try {
      return readManifest(folder).files.some((each) => each.path === path);
    } catch (error) {
      if (isHeadraceError(error)) return false;
      throw error;
    }
  });
}

function backupsOf(directory: string): readonly string[] {
  const file = join(directory, AUDIT_FILE);
  if (!existsSync(file)) return [];
  const folders = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const folder = backupIn(line);
      return folder === null ? [] : [folder];
    });
  return [...new Set(folders.reverse())];
}

/** The folder of a backup that was made; null for every other line. */
function backupIn(line: string): string | null {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null || !('what' in entry && 'target' in entry && 'outcome' in entry))
      return null;
    return entry.what === 'backup' && entry.outcome === 'done' ? String(entry.target) : null;
  } catch {
    // A line that a power loss cut.
    return null;
  }
}
