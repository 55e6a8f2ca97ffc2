import { type Command, served } from '../command.ts';
import { listenOptionsOf } from '../listen-options-of.ts';

export const registry: Command = {
  name: ['registry'],
  stop: [served()],
  summary: 'serves the registry to MLflow clients in a separate process',
  words: '',
  arity: [0, 0],
  options: {
    port: { type: 'string' },
    host: { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'tls-at-proxy': { type: 'boolean' },
    'host-name': { type: 'string' },
    'close-within': { type: 'string' },
  },
  help: {
    port: 'port to listen on (registry.port of the environment, or 5000); 0 for a free one',
    host: 'address to listen on (127.0.0.1)',
    'tls-cert': 'certificate with its chain, a PEM file',
    'tls-key': 'its private key, a PEM file',
    'tls-at-proxy': 'a proxy in front of the server terminates TLS',
    'host-name': 'names that clients use for the server, a,b,…; on this machine localhost is one already',
    'close-within': 'seconds within which a server that is asked to stop ends (40)',
  },
  async run(call) {
    const listen = listenOptionsOf(call);
    return (await import('../run-registry.ts')).runRegistry(call, listen, (url) =>
      call.terminal.out(call.json ? JSON.stringify({ url }) : `MLflow clients: MLFLOW_TRACKING_URI=${url}`),
    );
  },
};
