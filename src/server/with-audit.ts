import type { IncomingHttpHeaders } from 'node:http';
import { audited } from '../operating/audit-log.ts';
import type { Headrace } from '../running/headrace.ts';
import { callerOf } from './caller.ts';

/** Runs an administrative call, with a line in the audit log whatever its outcome. */
export function withAudit<T>(
  { directory }: Headrace,
  { authorization }: IncomingHttpHeaders,
  what: string,
  target: string,
  run: () => Promise<T>,
): Promise<T> {
  return audited(directory, { who: callerOf(authorization), what, target }, Date.now, run);
}
