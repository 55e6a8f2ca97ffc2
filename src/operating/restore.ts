import { constants, existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { AUDIT_FILE } from './audit-log.ts';
import { sync, withFolders } from './backup.ts';
import { type BackupManifest, checkBackupFile, readManifest } from './backup-manifest.ts';

/**
 * Restores a backup to an empty or absent directory. The files are copied next to it, every copy is compared with its
 * checksum, and the folder is then renamed, so the result is whole or absent. Errors: BACKUP_FOLDER, BACKUP_DAMAGED, BACKUP_FORMAT,
 * BACKUP_FAILED.
 */
export async function restore(folder: string, directory: string): Promise<BackupManifest> {
  const [from, to] = [resolve(folder), resolve(directory)];
  // A restore that was tried before left its line in the audit log.
  if (existsSync(to) && readdirSync(to).some((name) => name !== AUDIT_FILE))
    throw fail('BACKUP_FOLDER', { folder: to });
  const manifest = readManifest(from);
  const beside = `${to}.restoring`;
  try {
    await rm(beside, { recursive: true, force: true });
    await mkdir(beside, { recursive: true });
    for (const file of manifest.files) {
      const copy = join(beside, file.path);
      await mkdir(dirname(copy), { recursive: true });
      await copyFile(join(from, file.path), copy, constants.COPYFILE_FICLONE).catch(() => undefined);
      await checkBackupFile(from, beside, file);
    }
    for (const path of new Set(manifest.files.flatMap(({ path }) => withFolders(join(beside, path), beside))))
      await sync(path);
    if (existsSync(join(to, AUDIT_FILE))) await rename(join(to, AUDIT_FILE), join(beside, AUDIT_FILE));
    if (existsSync(to)) await rmdir(to);
    await rename(beside, to);
    await sync(dirname(to));
    return manifest;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    if (isHeadraceError(error)) throw error;
    throw fail('BACKUP_FAILED', { part: to, reason: reasonOf(error) }, error);
  }
}
