import { fail, isHeadraceError } from '../../../base/errors/fail.ts';
import { reasonOf } from '../../../base/reason-of.ts';

/** The error of a file that cannot be read. */
export function readFailure(path: string, error: unknown): Error {
  if (isHeadraceError(error)) return error;
  const [reason] = reasonOf(error).split('\n');
  return fail('PREDICT_INPUT', { path, reason }, error);
}

/** The error of a file that cannot be written; null where the writing is not at fault. */
export function writeFailure(path: string, error: unknown): Error | null {
  const reason = reasonOf(error);
  if (/No space left on device|ENOSPC|EDQUOT|Disk quota/i.test(reason)) return fail('PREDICT_FULL', { path }, error);
  if (/Could not write|Cannot open file|EACCES|EROFS|ENOENT|ENOTDIR/.test(reason))
    return fail('PREDICT_WRITE', { path, reason: reason.split('\n')[0] }, error);
  return null;
}
