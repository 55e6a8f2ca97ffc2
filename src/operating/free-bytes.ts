import { statfsSync } from 'node:fs';

/** How many bytes the disk of a directory has left for this process; null where the system does not say. */
export function freeBytes(directory: string): number | null {
  try {
    const { bavail, bsize, blocks } = statfsSync(directory);
    // Some file systems count nothing.
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return null;
  }
}
