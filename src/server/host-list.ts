import { isIP, isIPv4 } from 'node:net';

/** The hosts that a server answers as; plain data, which goes to the thread of the front too. Null: any. */
export type HostList = {
  /** In lower case. */
  readonly names: readonly string[];
  /** Whether any address will do, or only one of this machine. A page elsewhere can take a name, never an address. */
  readonly anyAddress: boolean;
} | null;

/**
 * Which hosts a request may name. On this machine everybody is answered, so that a page elsewhere whose name leads here must not be:
 * names of this machine and those given. Beyond it every caller has a key, and names count only where some are given.
 */
export function hostList({
  host,
  hosts = [],
}: {
  readonly host: string;
  readonly hosts?: readonly string[];
}): HostList {
  const names = ['localhost', ...hosts.map((name) => name.toLowerCase())];
  if (isLoopback(host)) return { names, anyAddress: false };
  return hosts.length === 0 ? null : { names, anyAddress: true };
}

/** Whether a field `host` is of the list. */
export function allowsHost(list: HostList): (host: string) => boolean {
  if (list === null) return () => true;
  const names = new Set(list.names);
  return (host) => {
    const name = nameOf(host);
    return names.has(name) || isLoopback(name) || (list.anyAddress && isIP(name) !== 0);
  };
}

/** Whether an address or name is of this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** `name`, `address` or `[address]`, with or without a port: the name or address, '' for anything else. */
function nameOf(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':');
  const name = end < 0 ? host : host.slice(0, end);
  const port = end < 0 ? '' : host.slice(end);
  if (port !== '' && !/^:\d{0,5}$/.test(port)) return '';
  if (name.startsWith('[')) return name.slice(1, -1).toLowerCase();
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}
