import { fail, type HeadraceError } from '../base/errors/fail.ts';

/** Reads files. It comes with this package, unless a project leaves optional packages out. */
const FILES = '@duckdb/node-api';

/** The error of a command whose reader of files is not installed, also where another error wraps it; null: the error is another. */
export function absentPackage(thrown: unknown): HeadraceError | null {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const isAbsent = 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (isAbsent && error.message.startsWith(`Cannot find package '${FILES}'`))
      return fail('CLI_PACKAGE', { name: FILES }, thrown);
  }
  return null;
}
