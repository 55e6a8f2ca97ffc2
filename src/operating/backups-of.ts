import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';
import { AUDIT_FILE, auditLine } from './audit-log.ts';
import { type BackupManifest, readManifest } from './backup-manifest.ts';

/** A backup that the audit log names. */
export interface NamedBackup {
  readonly folder: string;
  /** Null: it is not there now, or damaged. */
  readonly manifest: BackupManifest | null;
}

/** Backups of an environment that its audit log names and that have a file of it, the newest first. */
export function backupsWith(directory: string, file: string): readonly string[] {
  const path = relative(directory, file).replaceAll('\\', '/');
  return [...backupsOf(directory)]
    .filter(({ manifest }) => manifest?.files.some((each) => each.path === path))
    .map(({ folder }) => folder);
}

/** Backups of an environment that its audit log names, the newest first. */
export function* backupsOf(directory: string): Generator<NamedBackup> {
  const file = join(directory, AUDIT_FILE);
  if (!existsSync(file)) return;
  const folders = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const entry = auditLine(line);
      return entry?.what === 'backup' && entry.outcome === 'done' ? [entry.target] : [];
    });
  for (const folder of new Set(folders.reverse())) yield { folder, manifest: manifestIn(folder) };
}

function manifestIn(folder: string): BackupManifest | null {
  try {
    return readManifest(folder);
  } catch (error) {
    if (isHeadraceError(error)) return null;
    throw error;
  }
}
