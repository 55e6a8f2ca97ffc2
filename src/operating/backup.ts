import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail, isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import { BACKUP_FILE, type BackupManifest, manifestOf } from './backup-manifest.ts';

/** One part of an environment's data. */
export interface BackupPart {
  /** The name of its file or folder in the environment's directory and in the backup. */
  readonly name: string;
  /** Copies it as of one moment, also while a process is writing. */
  copyTo(path: string): Promise<void> | void;
}

export interface BackupOptions {
  readonly project: string;
  /** In the order in which they are copied: what is copied later may know more, never less. */
  readonly parts: readonly BackupPart[];
  /** An empty folder, or one that is not there. */
  readonly folder: string;
  /** Epoch ms. */
  readonly madeAt: number;
}

/**
 * Copies the parts in their order, then writes the manifest with a sum of every file: a folder without it is no backup. It is
 * durable on return. Errors: BACKUP_FOLDER, BACKUP_FAILED.
 */
export async function backUp({ project, parts, folder, madeAt }: BackupOptions): Promise<BackupManifest> {
  const root = resolve(folder);
  if (existsSync(root) && readdirSync(root).length > 0) throw fail('BACKUP_FOLDER', { folder: root });
  let part = 'the folder';
  try {
    mkdirSync(root, { recursive: true });
    for (const each of parts) {
      part = each.name;
      await each.copyTo(join(root, each.name));
    }
    const manifest = await manifestOf(root, project, madeAt);
    for (const path of new Set(manifest.files.flatMap(({ path }) => withFolders(join(root, path), root))))
      await sync(path);
    part = BACKUP_FILE;
    const file = await open(join(root, BACKUP_FILE), 'wx');
    await file.writeFile(`${JSON.stringify(manifest, null, 1)}\n`);
    await file.close();
    for (const path of [join(root, BACKUP_FILE), root]) await sync(path);
    return manifest;
  } catch (error) {
    if (isHeadraceError(error)) throw error;
    throw fail('BACKUP_FAILED', { part, reason: reasonOf(error) }, error);
  }
}

/** A file and the folders that hold its name. */
export function withFolders(path: string, root: string): readonly string[] {
  return path === root ? [root] : [path, ...withFolders(dirname(path), root)];
}

/** Makes the bytes of a file, or the names in a folder, survive the loss of power. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
