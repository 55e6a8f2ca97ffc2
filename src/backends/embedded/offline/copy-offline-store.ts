import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../../../base/errors/fail.ts';
import { fileSum } from './file-sum.ts';
import { readNewest, stageManifest, switchManifest } from './manifest.ts';

/**
 * Copies the store of a directory as of one manifest while a process may write; nothing where there is no store. Files
 * never change. Those of a manifest exist as long as retired files stay; after that the copy starts again.
 */
export async function copyOfflineStore(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  for (;;) {
    const manifest = readNewest(from);
    try {
      for (const { path, sum } of manifest.tables.flatMap(({ files }) => files)) {
        await mkdir(dirname(join(to, path)), { recursive: true });
        await copyFile(join(from, path), join(to, path), constants.COPYFILE_FICLONE);
        // A copy of a damaged file would be damaged for as long as it is kept.
        const found = sum === undefined ? sum : await fileSum(join(to, path));
        if (found !== sum)
          throw fail('OFFLINE_CORRUPT', {
            file: join(from, path),
            reason: `its bytes have the sum ${found}, not ${sum}`,
          });
      }
      await mkdir(to, { recursive: true });
      if (manifest.sequence === 0) return;
      await stageManifest(to, { ...manifest, retired: [] });
      switchManifest(to, manifest);
      return;
    } catch (error) {
      if (readNewest(from).sequence === manifest.sequence) throw error;
      await rm(to, { recursive: true, force: true });
    }
  }
}
