import type { Scope } from '../operating/api-keys.ts';
import type { KeyRing } from '../operating/key-ring.ts';

/** What a check may go by. */
export interface CheckedRequest {
  /** The route that answers, as it is declared (`/v1/events/:source`), or a path that is known to be one. */
  readonly path: string;
  /** The field authorization; null where there is none. */
  readonly authorization: string | null;
}

/** Throws a coded error for a request that may not be answered: called by the lean reader and by the full server, before anything else. */
export type RequestCheck = (request: CheckedRequest) => void;

/** Answers everyone: the server listens on this machine only. */
export const answerAll: RequestCheck = () => undefined;

/** Answers whoever has a key with the scope of the route; whether the process lives is told to all. */
export function answerKeys(ring: KeyRing): RequestCheck {
  return ({ path, authorization }) => {
    if (path === '/healthz' || path === '/readyz') return;
    ring.authorise(authorization, ...scopesOf(path));
  };
}

const READ: readonly Scope[] = ['read'];
const WRITE: readonly Scope[] = ['write'];
const ADMIN: readonly Scope[] = ['admin'];
/** A spine is written to the disk of the server, and its answer is read from the history. */
const READ_AND_WRITE: readonly Scope[] = ['read', 'write'];

function scopesOf(path: string): readonly Scope[] {
  if (path.startsWith('/v1/events/')) return WRITE;
  if (path.startsWith('/v1/training-sets/')) return READ_AND_WRITE;
  return path.startsWith('/v1/admin/') ? ADMIN : READ;
}
