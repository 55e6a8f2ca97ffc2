import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeError } from './directory.ts';
import { fileSum } from './file-sum.ts';
import { type ManifestFile, syncPaths } from './manifest.ts';

/**
 * Puts a copy of a published file in its place, at once; false, and nothing is done, unless the copy has the sum of the file.
 * Errors: OFFLINE_FULL, OFFLINE_WRITE.
 */
export async function putBack(copy: string, path: string, { sum }: ManifestFile): Promise<boolean> {
  if (sum === undefined || !existsSync(copy)) return false;
  const partial = `${path}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    await copyFile(copy, partial);
    // The copy is compared where it lies now: what is renamed is what was compared.
    if ((await fileSum(partial)) !== sum) return false;
    await syncPaths([partial]);
    renameSync(partial, path);
    await syncPaths([dirname(path)]);
    return true;
  } catch (error) {
    throw writeError(error, path);
  } finally {
    rmSync(partial, { force: true });
  }
}
