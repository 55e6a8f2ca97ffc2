import { fail } from '../base/errors/fail.ts';
import type { ListenOptions } from '../server/listen-options.ts';
import type { Call } from './command.ts';
import { hostsOf } from './run-server.ts';

/** How a server of a call listens. Errors: AUTH_TLS_FILE, CLI_VALUE. */
export function listenOptionsOf(call: Call): ListenOptions {
  const { options } = call;
  const [certFile, keyFile] = [options['tls-cert'], options['tls-key']];
  const host = String(options['host'] ?? '127.0.0.1');
  const tlsAtProxy = options['tls-at-proxy'] === true;
  const hosts = hostsOf(call);
  if (typeof certFile === 'string' && typeof keyFile === 'string')
    return { host, hosts, tlsAtProxy, tls: { certFile, keyFile } };
  if (certFile === undefined && keyFile === undefined) return { host, hosts, tlsAtProxy };
  throw fail('AUTH_TLS_FILE', { reason: 'only one of --tls-cert and --tls-key is given' });
}
