import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A folder of the shared data next to the repository; says so loudly where it is not there, since its tests are then skipped. */
export function sharedFolder(path: string): string {
  const folder = fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
  if (!existsSync(folder)) console.warn(`SKIPPED: ${folder} is not there, and tests that read it do not run`);
  return folder;
}
