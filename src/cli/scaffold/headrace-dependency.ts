import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownVersion } from '../../environment/own-version.ts';

/** The record of npm about installed packages, in node_modules. */
const NOTES = '.package-lock.json';

/**
 * How a project in a folder depends on this package: by the file or folder that it was installed from itself, otherwise by its
 * version.
 */
export function headraceDependency(folder: string, own = fileURLToPath(new URL('../../..', import.meta.url))): string {
  const from = installedFrom(resolve(own));
  if (from === null) return `^${ownVersion()}`;
  const path = relative(existsSync(folder) ? realpathSync(folder) : folder, from)
    .split(sep)
    .join('/');
  return `file:${path.startsWith('.') ? path : `./${path}`}`;
}

/** The file that npm installed the package from; null: a registry, or another installer. */
function installedFrom(own: string): string | null {
  const modules = dirname(own);
  const notes = resolve(modules, NOTES);
  if (!existsSync(notes)) return null;
  const { packages = {} } = JSON.parse(readFileSync(notes, 'utf8')) as {
    readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const { resolved } = packages['node_modules/headrace'] ?? {};
  if (resolved?.startsWith('file:') !== true) return null;
  return resolve(dirname(modules), decodeURIComponent(resolved.slice('file:'.length)));
}
