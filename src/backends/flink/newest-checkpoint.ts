import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { RestorePoint } from '../../ports/tile-jobs.ts';

/**
 * The newest whole checkpoint in the folder of a job, as `chk-<n>` with its `_metadata`: what a cluster that died can no longer
 * tell. null where there is none, or the folder is not of this machine.
 */
export function newestCheckpointIn(folder: string | null): RestorePoint | null {
  if (folder === null || !folder.startsWith('file:')) return null;
  const path = fileURLToPath(folder.replace(/^file:(?!\/\/)/, 'file://'));
  if (!existsSync(path)) return null;
  const whole = readdirSync(path)
    .flatMap((name) => {
      const number = /^chk-(\d+)$/.exec(name)?.[1];
      const metadata = join(path, name, '_metadata');
      return number === undefined || !existsSync(metadata) ? [] : [{ number: Number(number), name, metadata }];
    })
    .sort((a, b) => b.number - a.number)[0];
  if (whole === undefined) return null;
  return { path: pathToFileURL(join(path, whole.name)).href, at: statSync(whole.metadata).mtimeMs };
}
