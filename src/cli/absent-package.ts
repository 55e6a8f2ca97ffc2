import { fail, type HeadraceError } from '../base/errors/fail.ts';

/** Packages of features and of files, which a project of GPU diagnosis leaves out. */
const OPTIONAL = /Cannot find package '(@duckdb\/node-api|lmdb)'/;

/** The error of a command whose package is not installed; null: the error is another. */
export function absentPackage(error: unknown): HeadraceError | null {
  const isAbsent = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  const [, name] = (isAbsent && OPTIONAL.exec(error.message)) || [];
  return name === undefined ? null : fail('CLI_PACKAGE', { name }, error);
}
