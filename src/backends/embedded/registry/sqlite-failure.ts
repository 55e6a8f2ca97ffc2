import { fail, type HeadraceError, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html): the low byte of the extended one. */
const BUSY = 5;
const READ_ONLY = 8;
const IO_ERROR = 10;
const FULL = 13;

/** Whether another process holds the file. */
export function isBusy(error: unknown): boolean {
  return isHeadraceError(error, 'REGISTRY_BUSY') || codeOf(error) === BUSY;
}

/** The catalogued error for what SQLite threw while it opened, read or wrote the file at `path`. */
export function failureOf(error: unknown, path: string, during: 'open' | 'read' | 'write'): HeadraceError {
  if (isHeadraceError(error)) return error;
  const reason = reasonOf(error);
  const code = codeOf(error);
  if (code === BUSY) return fail('REGISTRY_BUSY', { path }, error);
  if (during === 'write' && (code === READ_ONLY || code === IO_ERROR || code === FULL)) {
    return fail('REGISTRY_WRITE', { path, reason }, error);
  }
  return fail('REGISTRY_FILE', { path, reason }, error);
}

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
