import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { RemoteFile, RemoteFiles } from '../../ports/remote-files.ts';

/** Whether a path is the address of a file elsewhere. */
function isRemote(path: string): boolean {
  return path.startsWith('s3://');
}

/** Files of a call, all of them on this machine. */
export interface LocalPaths {
  readonly paths: readonly string[];
  /** Removes the copies. */
  remove(): void;
}

/**
 * Copies the remote files among some paths into a folder. A file that an earlier call has copied is not copied again, so that a call that
 * was interrupted resumes where it was. Errors: REMOTE_FILE, REMOTE_STORE.
 */
export async function localPaths(
  paths: readonly string[],
  options: {
    readonly folder: string;
    readonly open: () => Promise<RemoteFiles>;
    readonly onCopy: (file: RemoteFile) => void;
  },
): Promise<LocalPaths> {
  if (!paths.some(isRemote)) return { paths, remove: () => undefined };
  const { folder, open, onCopy } = options;
  mkdirSync(folder, { recursive: true });
  const remote = await open();
  const found: string[] = [];
  const copies: string[] = [];
  try {
    for (const path of paths) {
      for (const file of isRemote(path) ? await remote.list(path) : []) {
        const copy = copyPath(folder, file);
        if (!existsSync(copy) || statSync(copy).size !== file.sizeBytes) {
          onCopy(file);
          await remote.download(file, copy);
        }
        copies.push(copy);
        found.push(copy);
      }
      if (!isRemote(path)) found.push(path);
    }
  } finally {
    remote.close();
  }
  return {
    paths: found,
    remove: () => {
      for (const copy of copies) rmSync(copy, { force: true });
    },
  };
}

/** A file name for each content, with the ending that shows the format. */
function copyPath(folder: string, { url, tag, sizeBytes }: RemoteFile): string {
  const name = createHash('sha256')
    .update(JSON.stringify([url, tag, sizeBytes]))
    .digest('hex')
    .slice(0, 24);
  return join(folder, `${name}-${basename(new URL(url).pathname).replaceAll(/[^A-Za-z0-9._-]/g, '_')}`);
}
