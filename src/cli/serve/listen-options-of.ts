import { fail } from '../../base/errors/fail.ts';
import type { ListenOptions } from '../../server/listen-options.ts';
import type { Call } from '../command.ts';
import { flag, option } from '../options/option.ts';
import { file, type Kind, list, name, whole } from '../options/option-kinds.ts';
import { endingOptions } from './ending.ts';

/** The number of a port. */
export const port: Kind<number> = whole(0, 65_535);

const hostName: Kind<string> = {
  ...name('host names without a port'),
  parse: (text) => (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(text) ? text : undefined),
};

/** The option of a server that clients use by names. */
export const namedOptions = {
  'host-name': option(
    list(hostName, 1),
    'names that clients use for the server, a,b,…; on this machine localhost is one already',
  ),
};

/** Options of a server that may listen outside of this machine. */
export const listenOptions = {
  host: option(name('an address'), 'address to listen on', '127.0.0.1'),
  'tls-cert': option(file, 'certificate with its chain, a PEM file'),
  'tls-key': option(file, 'its private key, a PEM file'),
  'tls-at-proxy': flag('a proxy in front of the server terminates TLS'),
  ...namedOptions,
  ...endingOptions,
};

/** How a server of a call listens. Error: AUTH_TLS_FILE. */
export function listenOptionsOf({ options }: Call<typeof listenOptions>): ListenOptions {
  const {
    host,
    'host-name': hosts = [],
    'tls-cert': certFile,
    'tls-key': keyFile,
    'tls-at-proxy': tlsAtProxy,
  } = options;
  if (certFile !== undefined && keyFile !== undefined) return { host, hosts, tlsAtProxy, tls: { certFile, keyFile } };
  if (certFile === undefined && keyFile === undefined) return { host, hosts, tlsAtProxy };
  throw fail('AUTH_TLS_FILE', { reason: 'only one of --tls-cert and --tls-key is given' });
}
