import { userInfo } from 'node:os';
import { audited } from '../../operating/audit-log.ts';

/** Does the work of an administrative command, and appends it to the audit log of the environment. */
export function auditedCommand<T>(
  directory: string,
  what: string,
  target: string,
  work: () => T | Promise<T>,
): Promise<T> {
  return audited(directory, { who: `user ${userInfo().username}`, what, target }, Date.now, work);
}
