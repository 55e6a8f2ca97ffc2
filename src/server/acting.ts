import { isHeadraceError } from '../base/errors/fail.ts';
import type { MaybePromise } from '../base/maybe-promise.ts';
import { audited } from '../operating/audit-log.ts';
import { isAudited, type RouteAccess } from './route-access.ts';

/** A route for the audit log. */
export interface ActingRoute extends Pick<RouteAccess, 'changes'> {
  /** The name of its calls. */
  readonly act: string;
}

/** The facts of a call for the audit log, as far as they are known. */
export interface Act {
  readonly what: string;
  /** The object of the call, without personal data. */
  readonly target: string;
}

/** Makes the facts of a call exact: a body says more than a path. */
export type NameAct = (act: Partial<Act>) => void;

/** The caller, for logs and histories: the id of the key, which has been checked; a caller on this machine needs none. */
export function whoOf(caller: string): string {
  return caller === '' ? 'this machine' : `key ${caller}`;
}

/** One call of a route. */
export interface ActingCall {
  /** The environment's. */
  readonly directory: string;
  readonly route: ActingRoute;
  /** Id of the caller's key; empty: there is none. */
  readonly caller: string;
  readonly target: string;
}

/** Runs a call; one that acts has a line in the audit log, whatever its outcome. */
export function acting<T>(
  { directory, route, caller, target }: ActingCall,
  run: (name: NameAct) => MaybePromise<T>,
): MaybePromise<T> {
  if (!isAudited(route)) return run(() => undefined);
  const entry = { who: whoOf(caller), what: route.act, target };
  return audited(directory, entry, Date.now, () => run((act) => void Object.assign(entry, act)));
}

/** Checks the caller of a call; a valid key that is refused a call that acts has a line in the audit log. Errors: AUTH_*. */
export async function checkedAct<T>(
  { directory, route, target }: Omit<ActingCall, 'caller'>,
  check: () => T,
): Promise<T> {
  try {
    return check();
  } catch (error) {
    const isScope = isHeadraceError(error) && error.code === 'AUTH_SCOPE';
    if (!isScope || !isAudited(route)) throw error;
    const entry = { who: whoOf(String(error.facts['id'])), what: route.act, target };
    return audited<never>(directory, entry, Date.now, () => {
      throw error;
    });
  }
}
