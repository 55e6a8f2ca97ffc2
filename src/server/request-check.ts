import type { KeyRing } from '../operating/key-ring.ts';
import type { Scope } from '../operating/scopes.ts';

/**
 * Throws a coded error for a request that may not be answered: called by the lean reader and by the full server, before
 * anything else. `scopes` are those of the route: all are needed, none means any key, null means no key. `authorization` is the
 * header field; null where there is none.
 * Returns the id of the caller's key; empty where none was needed.
 */
export type RequestCheck = (scopes: readonly Scope[] | null, authorization: string | null) => string;

/** Answers everyone: the server listens on this machine only. */
export const answerAll: RequestCheck = () => '';

/** Answers callers with a key that has the scopes of the route. */
export function answerKeys(ring: KeyRing): RequestCheck {
  return (scopes, authorization) => (scopes === null ? '' : ring.authorise(authorization, ...scopes).id);
}
