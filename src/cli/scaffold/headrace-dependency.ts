import { existsSync, realpathSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { installedFrom, ownVersion } from '../../environment/own-version.ts';

/**
 * How a project in a folder depends on this package: by the file or folder that it was installed from itself, otherwise by its
 * version.
 */
export function headraceDependency(folder: string, own?: string): string {
  const from = installedFrom(own);
  if (from === null) return `^${ownVersion()}`;
  const path = relative(existsSync(folder) ? realpathSync(folder) : folder, from)
    .split(sep)
    .join('/');
  return `file:${path.startsWith('.') ? path : `./${path}`}`;
}
