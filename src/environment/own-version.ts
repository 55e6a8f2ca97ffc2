import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The record of npm about installed packages, in node_modules. */
const NOTES = '.package-lock.json';

interface Manifest {
  readonly version: string;
}

/** The version of this package. */
export function ownVersion(): string {
  return manifest().version;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8'));
}

/** A folder of the build with files that a server sends, such as `console`. The source and the build have the same one. */
export function builtFolder(name: string): string {
  return resolve(ROOT, 'dist', name);
}

/** The file or folder that npm installed this package from; null: a registry, or another installer. `own`: where it is installed. */
export function installedFrom(own = ROOT): string | null {
  const modules = dirname(resolve(own));
  const notes = resolve(modules, NOTES);
  if (!existsSync(notes)) return null;
  const { packages = {} } = JSON.parse(readFileSync(notes, 'utf8')) as {
    readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const { resolved } = packages['node_modules/headrace'] ?? {};
  if (resolved?.startsWith('file:') !== true) return null;
  return resolve(dirname(modules), decodeURIComponent(resolved.slice('file:'.length)));
}
