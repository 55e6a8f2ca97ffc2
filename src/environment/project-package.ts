import { createRequire } from 'node:module';
import { fail } from '../base/errors/fail.ts';
import { type ProjectPackage, projectPackages } from './own-version.ts';

/** The packages that a project with a declaration runs on, as they are imported. */
interface Packages extends Record<ProjectPackage, unknown> {
  readonly fastify: typeof import('fastify');
  readonly lmdb: typeof import('lmdb');
  readonly 'prom-client': typeof import('prom-client');
}

const require = createRequire(import.meta.url);

/**
 * A package that a project installs next to this one. It is loaded when it is first needed: a program that imports this package
 * without it gets an error that names the command. Error: CONFIG_PACKAGES.
 */
export function projectPackage<Name extends ProjectPackage>(name: Name, load: (name: string) => unknown = require) {
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
