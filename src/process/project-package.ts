import { createRequire } from 'node:module';
import { fail } from '../base/errors/fail.ts';

/** The packages that a project with a declaration runs on, as they are imported. A project of files alone needs none. */
interface Packages {
  readonly fastify: typeof import('fastify');
  readonly lmdb: typeof import('lmdb');
  readonly 'prom-client': typeof import('prom-client');
}

const NAMES: readonly (keyof Packages)[] = ['fastify', 'lmdb', 'prom-client'];

const require = createRequire(import.meta.url);

/** The packages of a project with a declaration, by name, with the versions that fit. */
export function projectPackages(): Readonly<Record<string, string>> {
  // This package, by its own name: the source and a bundle find the same file.
  const { peerDependencies } = require('headrace/package.json');
  return Object.fromEntries(NAMES.map((name) => [name, peerDependencies[name]]));
}

/**
 * A package that a project installs next to this one. It is loaded when it is first needed: a program that imports this package
 * without it gets an error that names the command. Error: CONFIG_PACKAGES.
 */
export function projectPackage<Name extends keyof Packages>(
  name: Name,
  load: (name: string) => unknown = require,
): Packages[Name] {
  try {
    return load(name) as Packages[Name];
  } catch (error) {
    if (!isAbsent(error, name)) throw error;
    throw fail('CONFIG_PACKAGES', { name, install: installOf(projectPackages()) }, error);
  }
}

/** Whether the package itself is absent, and not one that it loads. */
function isAbsent(error: unknown, name: string): boolean {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
  return isMissing && error.message.startsWith(`Cannot find module '${name}'`);
}

/** The command that installs packages, each in the least version that fits. */
function installOf(packages: Readonly<Record<string, string>>): string {
  const words = Object.entries(packages).map(([name, version]) => `${name}@${version.replace('^', '')}`);
  return `npm install ${words.join(' ')}`;
}
