import { fail, type HeadraceError, isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';

/** A slot has no node, or moves: a script that has dropped a key cannot write it again where it moves away from. */
const NOT_SERVED = /^(CLUSTERDOWN|MASTERDOWN|TRYAGAIN)|access a non local key/;

/** The catalogued error for an error of the client or the server. None contains the password. */
export function storeFailure(error: unknown, address: string): HeadraceError {
  if (isHeadraceError(error)) return error;
  const text = reasonOf(error);
  // Causes are logged: the message of a server may be, an object of the client with its options may not.
  const cause = new Error(text);
  if (isRefusal(error)) return fail('REDIS_AUTH', { address, reason: text }, cause);
  if (/^OOM/.test(text)) return fail('REDIS_MEMORY', { address }, cause);
  if (/^READONLY/.test(text)) return fail('REDIS_READONLY', { address }, cause);
  if (NOT_SERVED.test(text)) return fail('REDIS_CLUSTER', { address, reason: text }, cause);
  if (/^(LOADING|BUSY|MISCONF)/.test(text)) return fail('REDIS_BUSY', { address, reason: text }, cause);
  if (/BLOCKFORMAT/.test(text))
    return fail('STORE_CORRUPT', { path: address, reason: 'a block has another format' }, cause);
  return fail('REDIS_UNREACHABLE', { address, reason: text }, cause);
}

/** Whether a server refuses the login. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(WRONGPASS|NOAUTH|ERR AUTH|NOPERM)/.test(error.message);
}

/** Whether another try may succeed soon: the connection broke, a slot moves, a node starts. */
export function isPassing(error: unknown): boolean {
  if (isHeadraceError(error)) return false;
  const text = reasonOf(error);
  if (NOT_SERVED.test(text) || /^(LOADING|READONLY|MOVED|ASK)/.test(text)) return true;
  // Other errors of a server are permanent; errors of the client are about connections.
  return !/^[A-Z]{2,} /.test(text);
}
