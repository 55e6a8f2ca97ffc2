/** The caller, for the audit log: the id in a key's text, which the check has found valid; a caller on this machine needs none. */
export function callerOf(authorization: string | undefined): string {
  const [, id] = /^Bearer +hr_([0-9a-f]+)_/i.exec(authorization ?? '') ?? [];
  return id === undefined ? 'this machine' : `key ${id}`;
}
