import { fail, type HeadraceError } from '../base/errors/fail.ts';
import { projectPackages } from '../environment/own-version.ts';

const ABSENT = /^Cannot find package '([^']+)'/;

/** Reads files. It comes with this package, unless a project leaves optional packages out. */
const FILES = '@duckdb/node-api';

/** The error of a command whose package is not installed, also where another error wraps it; null: the error is another. */
export function absentPackage(thrown: unknown): HeadraceError | null {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const isAbsent = 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    const [, name = ''] = (isAbsent && ABSENT.exec(error.message)) || [];
    if (name === FILES) return fail('CLI_PACKAGE', { name }, thrown);
    const packages = name === '' ? {} : projectPackages();
    if (Object.hasOwn(packages, name)) return fail('CLI_PACKAGES', { name, install: installOf(packages) }, thrown);
  }
  return null;
}

/** The command that installs packages, each in the least version that fits. */
function installOf(packages: Readonly<Record<string, string>>): string {
  const words = Object.entries(packages).map(([name, version]) => `${name}@${version.replace('^', '')}`);
  return `npm install ${words.join(' ')}`;
}
