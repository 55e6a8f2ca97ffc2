import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDiskFull, systemCode } from '../../base/errors/environment-fault.ts';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { fileDigest } from '../../files/file-digest.ts';
import { syncFolder } from '../../files/sync-folder.ts';

/** Writes a file and waits until its bytes are on the disk. Errors: PREDICT_FULL, PREDICT_WRITE. */
export function writeDurably(path: string, content: string): void {
  writing(path, () => {
    const file = openSync(path, 'w');
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Gives a written file a name that nobody has yet; false: somebody has. Errors: PREDICT_FULL, PREDICT_WRITE. */
export function publishFirst(written: string, path: string): boolean {
  return writing(path, () => {
    try {
      linkSync(written, path);
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
    syncFolder(dirname(path));
    return true;
  });
}

/** Renames a written file, whatever has its new name; false: the written one is gone. Errors: PREDICT_FULL, PREDICT_WRITE. */
export function moveDurably(written: string, path: string): boolean {
  return writing(path, () => {
    try {
      renameSync(written, path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
    syncFolder(dirname(path));
    return true;
  });
}

/** The text of a file; null: there is none. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw fail('PREDICT_MANIFEST', { path, reason: reasonOf(error) }, error);
  }
}

/** The sha256 of a file. Error: PREDICT_INPUT. */
export async function sha256OfFile(path: string): Promise<string> {
  try {
    return await fileDigest(path);
  } catch (error) {
    throw fail('PREDICT_INPUT', { path, reason: reasonOf(error) }, error);
  }
}

/** Runs work that writes `path`. Errors: PREDICT_FULL, PREDICT_WRITE. */
export function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isDiskFull(error)) {
      // A link to a device is not a file of ours.
      rmSync(path, { force: true });
      throw fail('PREDICT_FULL', { path }, error);
    }
    throw fail('PREDICT_WRITE', { path, reason: reasonOf(error) }, error);
  }
}
