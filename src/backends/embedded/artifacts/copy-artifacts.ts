import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename } from 'node:path';

/** Copies every whole file; one that is being written has a name that begins with a dot. */
export async function copyArtifacts(from: string, to: string): Promise<void> {
  if (existsSync(from))
    await cp(from, to, { recursive: true, filter: (path) => !basename(path).startsWith('.') || path === from });
}
