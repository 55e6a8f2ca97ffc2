import { fail } from '../../base/errors/fail.ts';
import type { ListenOptions } from '../../server/listen-options.ts';
import type { Call, Command } from '../command.ts';
import { runServer, serverHelp, serverOptions } from '../run-server.ts';

export const serve: Command = {
  name: ['serve'],
  summary: 'the HTTP server; beyond this machine with API keys and TLS only',
  words: '',
  arity: [0, 0],
  options: {
    ...serverOptions,
    host: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-at-proxy': { type: 'boolean' },
  },
  help: {
    ...serverHelp,
    host: 'address to listen on (127.0.0.1)',
    'tls-cert': 'certificate with its chain, a PEM file',
    'tls-key': 'its private key, a PEM file',
    'tls-at-proxy': 'a proxy in front of the server has TLS',
  },
  run(call) {
    return runServer(call, listenOptions(call), ({ url }) => {
      call.terminal.out(call.json ? JSON.stringify({ url }) : `listening on ${url}`);
    });
  },
};

function listenOptions({ options }: Call): ListenOptions {
  const [certFile, keyFile] = [options['tls-cert'], options['tls-key']];
  const host = String(options['host'] ?? '127.0.0.1');
  const tlsAtProxy = options['tls-at-proxy'] === true;
  if (typeof certFile === 'string' && typeof keyFile === 'string')
    return { host, tlsAtProxy, tls: { certFile, keyFile } };
  if (certFile === undefined && keyFile === undefined) return { host, tlsAtProxy };
  throw fail('AUTH_TLS_FILE', { reason: 'only one of --tls-cert and --tls-key is given' });
}
