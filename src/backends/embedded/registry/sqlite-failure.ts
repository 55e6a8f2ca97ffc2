import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';
import type { SqliteKind } from '../sqlite-kind.ts';

/** The file that failed. */
export interface FailedFile {
  readonly path: string;
  readonly kind: SqliteKind;
}

/** Primary result codes of SQLite (sqlite.org/rescode.html): the low byte of the extended one. */
const BUSY = 5;
const READ_ONLY = 8;
const IO_ERROR = 10;
const FULL = 13;

/** Whether another process holds the file. */
export function isBusy(error: unknown): boolean {
  return (isHeadraceError(error) && error.code.endsWith('_BUSY')) || codeOf(error) === BUSY;
}

/** The catalogued error for what SQLite threw while it opened, read or wrote a file. */
export function failureOf(
  error: unknown,
  { path, kind: { codes } }: FailedFile,
  during: 'open' | 'read' | 'write',
): HeadraceError {
  if (isHeadraceError(error)) return error;
  const reason = reasonOf(error);
  const code = codeOf(error);
  if (code === BUSY) return fail(codes.busy, { path }, error);
  if (during === 'write' && (code === READ_ONLY || code === IO_ERROR || code === FULL)) {
    return fail(codes.write, { path, reason }, error);
  }
  return fail(codes.file, { path, reason }, error);
}

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
